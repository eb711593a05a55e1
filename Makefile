# limier: thin front of CMake; see CONTRIBUTING.md. `make demo` shows it, `make check` proves it.
.PHONY: all deps demo check check-npm install fuzz asan bench-files format docs clean
DESTDIR ?=
PREFIX ?= /usr/local

all: build/limier

deps:
	@tools/install-deps build

build/limier: deps FORCE
	@cmake --preset release >build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
	@cmake --build --preset release --target limier limier-range limier-gen
	@ln -sf release/limier release/limier-range build/
FORCE:
	@mkdir -p build

demo: build/limier
	@tools/demo

check:
	@tools/install-deps check
	@tests/run-all

check-npm: build/limier
	@tests/peers/npm

install: build/limier
	@tools/install-files "$(DESTDIR)" "$(PREFIX)"

asan:
	@cmake --preset asan && cmake --build --preset asan && ctest --preset asan

fuzz:
	@tests/fuzz/run $(SECONDS_EACH)

bench-files: build/limier
	@tests/bench/files

format:
	@git ls-files -co --exclude-standard 'src/*.c' 'src/*.h' 'tests/*.c' 'tests/*.h' | xargs clang-format-14 -i

# Documents made from tables; a test compares them with what limier-gen prints.
docs: build/limier
	@build/release/limier-gen observations-page > docs/dev/observations.md
	@build/release/limier-gen observations-schema > docs/schema/observations.json
	@mkdir -p man && build/release/limier-gen man man

clean:
	@rm -rf build
