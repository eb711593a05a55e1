# SPDX-License-Identifier: Apache-2.0
# The binary, and the generator of man pages, completions and documents from the tables (not installed).
file(GLOB cli_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/cli/*.c)
list(FILTER cli_sources EXCLUDE REGEX "/gen\\.c$")
add_executable(limier ${cli_sources})
target_link_libraries(limier PRIVATE lm_report lm_detect lm_case lm_work lm_match lm_read lm_source lm_fact lm_base)

add_executable(limier-gen ${CMAKE_SOURCE_DIR}/src/cli/gen.c ${CMAKE_SOURCE_DIR}/src/cli/options.c
  ${CMAKE_SOURCE_DIR}/src/cli/manual.c)
target_link_libraries(limier-gen PRIVATE lm_fact lm_base)
