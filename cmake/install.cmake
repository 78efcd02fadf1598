# What `cmake --install build/release` puts where: the commands of a person into bin, the workers into libexec (the
# supervisor looks beside itself first, then there), templates and manifests into share.
include(GNUInstallDirs)

install(TARGETS ebbtide RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
if(TARGET ebbtide-simulator) # a component of its own: not in the package (package.cmake)
  install(TARGETS ebbtide-simulator RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT simulator)
endif()
foreach(worker dialer poller reconciler actuator monitor replay audit)
  if(TARGET ebbtide-${worker})
    install(TARGETS ebbtide-${worker} RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/ebbtide)
  endif()
endforeach()
foreach(folder cloud-init kubernetes nftables)
  if(EXISTS ${CMAKE_SOURCE_DIR}/deploy/${folder})
    install(DIRECTORY ${CMAKE_SOURCE_DIR}/deploy/${folder} DESTINATION ${CMAKE_INSTALL_DATADIR}/ebbtide)
  endif()
endforeach()
# As in the tree, so that the links between them hold.
install(FILES README.md SECURITY.md CONTRIBUTING.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN *.md)
install(FILES deploy/ebbtide.example.yaml DESTINATION ${CMAKE_INSTALL_DOCDIR}/deploy)
