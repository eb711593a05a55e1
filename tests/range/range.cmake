# SPDX-License-Identifier: Apache-2.0
# limier-range: the generator of inert incidents. A library, so that its test looks inside, and the program.
file(GLOB range_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/range/*.c)
list(FILTER range_sources EXCLUDE REGEX "/(main|check_[a-z]+)\\.c$")
add_library(lm_range STATIC ${range_sources})
target_include_directories(lm_range PUBLIC ${CMAKE_SOURCE_DIR}/tests/range)
target_link_libraries(lm_range PUBLIC lm_base PkgConfig::OPENSSL PkgConfig::ARCHIVE PkgConfig::ZLIB)

add_executable(limier-range ${CMAKE_SOURCE_DIR}/tests/range/main.c)
target_link_libraries(limier-range PRIVATE lm_range)

# The unit test looks inside; wherever this file is included, the test is there at the end of the folder.
function(lm_range_test)
  if(TARGET t_range)
    target_sources(t_range PRIVATE ${CMAKE_SOURCE_DIR}/tests/range/check_truth.c)
    target_link_libraries(t_range PRIVATE lm_range)
    add_dependencies(t_range limier-range)
    target_compile_definitions(t_range PRIVATE LM_RANGE_BINARY="$<TARGET_FILE:limier-range>")
  endif()
endfunction()
cmake_language(DEFER CALL lm_range_test)
