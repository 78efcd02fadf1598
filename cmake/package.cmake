# The Debian package: `cpack --config build/release/CPackConfig.cmake -G DEB`. Two builds of one commit give the same file,
# bit for bit: package_config.cmake takes the time from the commit, package_files.cmake gives it to every file, and
# package_again.cmake has dpkg-deb pack them.
include(GNUInstallDirs)

# What lies outside of the prefix, only in the package: a plain `cmake --install` leaves /etc and the services alone.
install(FILES deploy/systemd/ebbtide.service DESTINATION /usr/lib/systemd/system COMPONENT package EXCLUDE_FROM_ALL)
install(FILES deploy/sysusers.d/ebbtide.conf DESTINATION /usr/lib/sysusers.d COMPONENT package EXCLUDE_FROM_ALL)
install(FILES deploy/tmpfiles.d/ebbtide.conf DESTINATION /usr/lib/tmpfiles.d COMPONENT package EXCLUDE_FROM_ALL)
install(FILES deploy/ebbtide.example.yaml DESTINATION /etc/ebbtide COMPONENT package EXCLUDE_FROM_ALL)
install(FILES deploy/systemd/network.conf DESTINATION /etc/systemd/system/ebbtide.service.d
  COMPONENT package EXCLUDE_FROM_ALL)
install(FILES deploy/debian/ebbtide.8 DESTINATION /usr/share/man/man8 COMPONENT package EXCLUDE_FROM_ALL)
install(FILES deploy/systemd/credentials.conf DESTINATION /usr/share/doc/ebbtide/examples
  COMPONENT package EXCLUDE_FROM_ALL)

# A placeholder: no mail reaches it. Who gives the package to others sets a name and an address that is read.
set(EBBTIDE_PACKAGE_MAINTAINER "The Ebbtide authors <maintainers@ebbtide.example>" CACHE STRING
  "Who answers for the Debian package: Name <address>")

set(CPACK_GENERATOR DEB)
set(CPACK_INSTALL_CMAKE_PROJECTS
  "${CMAKE_BINARY_DIR};ebbtide;Unspecified;/;${CMAKE_BINARY_DIR};ebbtide;package;/")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_PROJECT_CONFIG_FILE ${CMAKE_SOURCE_DIR}/cmake/package_config.cmake)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/cmake/package_files.cmake)
set(CPACK_POST_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/cmake/package_again.cmake)

set(CPACK_PACKAGE_NAME ebbtide)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "${EBBTIDE_PACKAGE_MAINTAINER}")
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# systemd makes the users and folders and hands over what the unit names; the rest dpkg-shlibdeps finds.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "systemd (>= 252), init-system-helpers (>= 1.54)")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS ca-certificates)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "autoscaler for Gitea Actions on Hetzner Cloud servers")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"Ebbtide rents Hetzner Cloud servers when Gitea Actions jobs wait, and gives
them back before the next paid hour begins: it deregisters the runner, drains
the Kubernetes node, and deletes node and server, in that order. A job that
runs is never ended.
.
It is one daemon, a supervisor and seven workers, each with a user and a sandbox
of its own, and with no other tokens than its work needs. It starts only once
/etc/ebbtide/ebbtide.yaml is there, and rents nothing before that file says
'mode: act'.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${CMAKE_SOURCE_DIR}/deploy/debian/preinst ${CMAKE_SOURCE_DIR}/deploy/debian/postinst
  ${CMAKE_SOURCE_DIR}/deploy/debian/prerm ${CMAKE_SOURCE_DIR}/deploy/debian/postrm ${CMAKE_SOURCE_DIR}/deploy/debian/conffiles)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
