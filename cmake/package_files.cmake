# Run by cpack over the files that are about to be packed: what Debian wants in /usr/share/doc, compressed pages, and one
# time for all. Nothing here may depend on when, where or by whom it is run.
set(root "${CPACK_TEMPORARY_DIRECTORY}")
set(doc "${root}/usr/share/doc/ebbtide")
set(time "$ENV{SOURCE_DATE_EPOCH}")

function(run)
  execute_process(COMMAND ${ARGV} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# copyright, from the licence.
file(READ "${doc}/LICENSE" licence)
string(REGEX MATCH "Copyright[^\n]*" holder "${licence}")
string(REGEX REPLACE "^Copyright \\(c\\) " "" holder "${holder}")
string(REGEX REPLACE "^.*${holder}\n\n" "" words "${licence}")
string(STRIP "${words}" words)
string(REPLACE "\n" "\n " words "${words}")
string(REPLACE "\n \n" "\n .\n" words "${words}")
file(WRITE "${doc}/copyright" "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: ebbtide

Files: *
Copyright: ${holder}
License: Expat
 ${words}
")
file(REMOVE "${doc}/LICENSE")

# What the documents name as it lies in the tree: the licence is `copyright` here, and deploy's folders lie in
# /usr/share/ebbtide.
file(READ "${doc}/README.md" readme)
string(REPLACE "[LICENSE](LICENSE)" "[copyright](copyright)" readme "${readme}")
file(WRITE "${doc}/README.md" "${readme}")
foreach(folder cloud-init kubernetes nftables)
  file(CREATE_LINK "../../../ebbtide/${folder}" "${doc}/deploy/${folder}" SYMBOLIC)
endforeach()

# The changelog is upstream's; Debian's says which version this is.
file(RENAME "${doc}/CHANGELOG.md" "${doc}/changelog")
execute_process(COMMAND date -u -R -d "@${time}" OUTPUT_VARIABLE date OUTPUT_STRIP_TRAILING_WHITESPACE
  COMMAND_ERROR_IS_FATAL ANY)
file(WRITE "${doc}/changelog.Debian" "ebbtide (${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}) unstable; urgency=medium

  * What changed stands in changelog.gz.

 -- ${CPACK_DEBIAN_PACKAGE_MAINTAINER}  ${date}
")
run(gzip -9n "${doc}/changelog" "${doc}/changelog.Debian" "${root}/usr/share/man/man8/ebbtide.8")
run(chmod 0644 "${doc}/copyright" "${doc}/changelog.gz" "${doc}/changelog.Debian.gz")
run(find "${root}" -type d -exec chmod 0755 {} +) # whatever the umask is
run(find "${root}" -exec touch -hd "@${time}" {} +)
