# Flags, and the two ways in which the project makes targets.

add_library(plumb_flags INTERFACE)
# A member that a designated initialiser leaves out has its default on purpose.
target_compile_options(plumb_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Werror -Wno-missing-field-initializers)
# Optimising, GCC 12 sees overlapping copies in std::string's operator+ (GCC bug 105651) and uninitialised
# strings in aggregates that are moved; both are not there. Unoptimised builds keep the warnings.
target_compile_options(plumb_flags INTERFACE
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<CONFIG:Release>>:-Wno-restrict;-Wno-maybe-uninitialized>)
target_include_directories(plumb_flags INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/generated)

set(PLUMB_SANITIZE "" CACHE STRING "address (with undefined), thread, or nothing")
if(PLUMB_SANITIZE)
  # GCC 12 takes std::function inside of std::regex for uninitialised when it is instrumented (GCC bug 105562).
  target_compile_options(plumb_flags INTERFACE -Wno-maybe-uninitialized)
endif()
if(PLUMB_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(PLUMB_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer -Wno-tsan)
  add_link_options(-fsanitize=thread)
endif()

find_program(PLUMB_CCACHE ccache)
if(PLUMB_CCACHE)
  # Without these it does not keep what was compiled with a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${PLUMB_CCACHE})
endif()
find_program(PLUMB_MOLD mold)
if(PLUMB_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# plumb_library(folder USES folders... LINKS libraries... PRIVATE libraries...)
# A static library of all .cpp below controller/<folder> (or <folder> itself at the top), which sees
# only the folders and libraries named. A folder without .cpp is an interface library.
function(plumb_library folder)
  cmake_parse_arguments(ARG "" "" "USES;LINKS;PRIVATE" ${ARGN})
  string(REPLACE "/" "_" name ${folder})
  set(directory controller/${folder})
  if(NOT IS_DIRECTORY ${PROJECT_SOURCE_DIR}/${directory})
    set(directory ${folder})
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${directory}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")  # of a program beside its library
  set(scope PUBLIC)
  if(sources)
    add_library(plumb_${name} STATIC ${sources})
    target_link_libraries(plumb_${name} PRIVATE ${ARG_PRIVATE} plumb_flags)
  else()
    add_library(plumb_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(plumb_${name} ${scope} ${PROJECT_SOURCE_DIR})
  foreach(used ${ARG_USES})
    string(REPLACE "/" "_" used ${used})
    target_link_libraries(plumb_${name} ${scope} plumb_${used})
  endforeach()
  target_link_libraries(plumb_${name} ${scope} ${ARG_LINKS})
endfunction()

# plumb_embed(name folders...): a library plumb_<name> that carries the .yaml files of the folders,
# so that the program needs no files beside it. Header: generated/plumb_<name>.h.
function(plumb_embed name)
  set(source ${PROJECT_BINARY_DIR}/generated/plumb_${name}.cpp)
  set(files "")
  foreach(folder ${ARGN})
    file(GLOB found CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.yaml)
    list(APPEND files ${found})
  endforeach()
  add_custom_command(OUTPUT ${source}
    COMMAND ${CMAKE_COMMAND} -DNAME=${name} -DROOT=${PROJECT_SOURCE_DIR} "-DFOLDERS=${ARGN}" -DOUT=${PROJECT_BINARY_DIR}/generated
            -P ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${files} ${PROJECT_SOURCE_DIR}/cmake/embed.cmake VERBATIM)
  add_library(plumb_${name} STATIC ${source})
  target_include_directories(plumb_${name} PUBLIC ${PROJECT_BINARY_DIR}/generated)
  set(header ${PROJECT_BINARY_DIR}/generated/plumb_${name}.h)
  file(CONFIGURE OUTPUT ${header} @ONLY CONTENT
"#pragma once

#include <string_view>
#include <vector>

namespace plumb::@name@ {

struct File {
  std::string_view path;     // as in the repository: crds/adusers.yaml
  std::string_view content;
};
// Sorted by path.
std::vector<File> files();

}  // namespace plumb::@name@
")
endfunction()
