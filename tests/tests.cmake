# SPDX-License-Identifier: Apache-2.0
# Unit tests: tests/unit/t_<module>.c, one cmocka program each. Static rooms: a test links only what it uses.
enable_testing()
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)

# The rooms whose headers a test includes (they bring theirs): a broken room breaks only its own tests.
function(lm_rooms_of source out)
  file(STRINGS ${source} includes REGEX "^#include \"(base|fact|source|read|match|work|case|detect|report)/")
  set(rooms lm_base)
  foreach(line ${includes})
    string(REGEX REPLACE "^#include \"([a-z]+)/.*" "lm_\\1" room "${line}")
    list(APPEND rooms ${room})
  endforeach()
  list(REMOVE_DUPLICATES rooms)
  set(${out} ${rooms} PARENT_SCOPE)
endfunction()

file(GLOB unit_tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/t_*.c)
foreach(source ${unit_tests})
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} ${source})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  lm_rooms_of(${source} rooms)
  target_link_libraries(${name} PRIVATE ${rooms} PkgConfig::CMOCKA)
  add_test(NAME unit.${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(unit.${name} PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77)
endforeach()

# Fuzz targets: tests/fuzz/fz_<name>.c with seeds in tests/fuzz/seeds/<name>/. Without libFuzzer the same
# object is linked with replay.c, which runs every seed: the corpus is part of the ordinary tests.
file(GLOB fuzz_targets CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/fuzz/fz_*.c)
foreach(source ${fuzz_targets})
  get_filename_component(name ${source} NAME_WE)
  string(REGEX REPLACE "^fz_" "" seeds ${name})
  if(LM_FUZZ)
    add_executable(${name} ${source})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(${name} ${source} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay.c)
    add_test(NAME fuzz-replay.${seeds} COMMAND ${name} ${CMAKE_SOURCE_DIR}/tests/fuzz/seeds/${seeds}
      WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(fuzz-replay.${seeds} PROPERTIES TIMEOUT 300)
  endif()
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  lm_rooms_of(${source} rooms)
  target_link_libraries(${name} PRIVATE ${rooms})
endforeach()
