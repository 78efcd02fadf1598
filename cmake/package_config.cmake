# Read by cpack before it begins: the time that every file of the package bears. The commit's, where nobody has set
# SOURCE_DATE_EPOCH; outside of a clone, the changelog's.
# [reproducible-builds.org/specs/source-date-epoch]
get_filename_component(source "${CMAKE_CURRENT_LIST_DIR}" DIRECTORY)
if(NOT DEFINED ENV{SOURCE_DATE_EPOCH})
  execute_process(COMMAND git -C "${source}" log -1 --format=%ct OUTPUT_VARIABLE time ERROR_QUIET
    OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT time)
    file(TIMESTAMP "${source}/CHANGELOG.md" time %s UTC)
  endif()
  set(ENV{SOURCE_DATE_EPOCH} "${time}")
endif()
