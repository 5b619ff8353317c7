# Writes plumb_<NAME>.cpp, which carries the .yaml files of FOLDERS as raw strings.
set(entries "")
foreach(folder ${FOLDERS})
  file(GLOB files RELATIVE ${ROOT} ${ROOT}/${folder}/*.yaml)
  list(SORT files)
  foreach(file ${files})
    file(READ ${ROOT}/${file} content)
    # A raw string literal may hold 64 KiB in every compiler; longer ones are joined from parts.
    string(LENGTH "${content}" length)
    set(parts "")
    set(from 0)
    while(from LESS length)
      string(SUBSTRING "${content}" ${from} 12000 part)
      string(APPEND parts "R\"plumb~(${part})plumb~\"\n")
      math(EXPR from "${from} + 12000")
    endwhile()
    string(APPEND entries "    {\"${file}\",\n${parts}},\n")
  endforeach()
endforeach()
file(WRITE ${OUT}/plumb_${NAME}.cpp
"#include \"plumb_${NAME}.h\"

namespace plumb::${NAME} {

std::vector<File> files() {
  return {
${entries}  };
}

}  // namespace plumb::${NAME}
")
