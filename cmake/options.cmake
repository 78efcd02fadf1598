# The flags every target is built with (ebbtide_options) and the libraries of Debian they may link.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(EVENT REQUIRED IMPORTED_TARGET libevent_core libevent_extra)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(TLS REQUIRED IMPORTED_TARGET libssl libcrypto)
# Debian 13 renamed the C library's pkg-config file.
pkg_check_modules(MSGPACK IMPORTED_TARGET msgpack-c)
if(NOT MSGPACK_FOUND)
  pkg_check_modules(MSGPACK REQUIRED IMPORTED_TARGET msgpack)
endif()

add_library(ebbtide_options INTERFACE)
target_include_directories(ebbtide_options INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})
target_compile_definitions(ebbtide_options INTERFACE _GNU_SOURCE
  EBBTIDE_VERSION="${PROJECT_VERSION}")
target_compile_options(ebbtide_options INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes
  -Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wcast-qual -Wcast-align
  -Wwrite-strings -Wformat=2 -Wundef -Wvla -Wswitch-enum -Wimplicit-fallthrough
  -fno-common -fno-strict-aliasing -fstack-protector-strong
  -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
target_link_options(ebbtide_options INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  target_compile_options(ebbtide_options INTERFACE -Wlogical-op -Wduplicated-cond
    -Wduplicated-branches -Wtrampolines)
endif()
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64")
  target_compile_options(ebbtide_options INTERFACE -fcf-protection=full -fstack-clash-protection)
endif()
if(EBBTIDE_FUZZ)
  target_compile_options(ebbtide_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(EBBTIDE_SANITIZE)
  target_compile_options(ebbtide_options INTERFACE -fsanitize=address,undefined
    -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(ebbtide_options INTERFACE -fsanitize=address,undefined)
elseif(CMAKE_BUILD_TYPE MATCHES "Release|RelWithDebInfo")
  target_compile_options(ebbtide_options INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
endif()

# ebbtide_program(NAME SOURCES...): an executable, position independent, with the common flags.
function(ebbtide_program name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE ebbtide_options)
  target_link_options(${name} PRIVATE -pie)
endfunction()

# ebbtide_library(NAME SOURCES...): a static library with the common flags.
function(ebbtide_library name)
  add_library(${name} STATIC ${ARGN})
  target_link_libraries(${name} PUBLIC ebbtide_options)
endfunction()
