# Run by cpack when the package is made: dpkg-deb makes it once more. CPack's own archive bears the rights that the umask of
# whoever builds leaves to a file.
foreach(package ${CPACK_PACKAGE_FILES})
  set(folder "${package}.files")
  file(REMOVE_RECURSE "${folder}")
  execute_process(COMMAND dpkg-deb -R "${package}" "${folder}" COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND chmod 0755 "${folder}" "${folder}/DEBIAN" COMMAND_ERROR_IS_FATAL ANY)
  file(REMOVE "${package}")
  execute_process(COMMAND dpkg-deb --root-owner-group --threads-max=1 -Zxz -b "${folder}" "${package}"
    OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
  file(CHMOD "${package}" FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
  file(REMOVE_RECURSE "${folder}")
endforeach()
