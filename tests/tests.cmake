# SPDX-License-Identifier: Apache-2.0
# Unit tests: tests/unit/t_<module>.c, one cmocka program each. Static rooms: a test links only what it uses.
enable_testing()
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
set(LM_ROOMS lm_report lm_detect lm_case lm_work lm_match lm_read lm_source lm_fact lm_base)

file(GLOB unit_tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/t_*.c)
foreach(source ${unit_tests})
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} ${source})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(${name} PRIVATE ${LM_ROOMS} PkgConfig::CMOCKA)
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
  target_link_libraries(${name} PRIVATE ${LM_ROOMS})
endforeach()
