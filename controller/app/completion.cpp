#include "controller/app/completion.h"

#include "controller/base/text.h"

namespace plumb::app {
namespace {

// Each command's words, as the branches of a shell's `case`.
std::string branches(const std::vector<CompletedCommand>& commands, const std::vector<std::string>& kinds) {
  std::string text;
  for (const auto& command : commands) {
    std::vector<std::string> words = command.commands;
    if (command.name == "get" || command.name == "describe" || command.name == "explain") {
      words.insert(words.end(), kinds.begin(), kinds.end());
    }
    words.insert(words.end(), command.options.begin(), command.options.end());
    text += fmt::format("    \"{}\") words=\"{}\" ;;\n", command.name, join(words, " "));
  }
  return text;
}

std::string names(const std::vector<CompletedCommand>& commands) {
  std::vector<std::string> all;
  for (const auto& command : commands) {
    if (!command.name.empty()) all.push_back("\"" + command.name + "\"");
  }
  return join(all, "|");
}

std::string bash(const std::vector<CompletedCommand>& commands, const std::vector<std::string>& kinds) {
  return R"(# bash completion of plumbline; use: source <(plumbline completion bash)
_plumbline() {
  local current=${COMP_WORDS[COMP_CWORD]} command="" word words=""
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "${command:+$command }$word" in
      )" +
         names(commands) +
         R"() command="${command:+$command }$word" ;;
    esac
  done
  case "$command" in
)" + branches(commands, kinds) +
         R"(  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -o filenames -F _plumbline plumbline
)";
}

std::string zsh(const std::vector<CompletedCommand>& commands, const std::vector<std::string>& kinds) {
  return R"(#compdef plumbline
# zsh completion of plumbline; use: plumbline completion zsh > "${fpath[1]}/_plumbline"
_plumbline() {
  local command="" word words_text=""
  for word in "${words[@]:1:$((CURRENT-2))}"; do
    case "${command:+$command }$word" in
      )" +
         names(commands) +
         R"() command="${command:+$command }$word" ;;
    esac
  done
  local words=""
  case "$command" in
)" + branches(commands, kinds) +
         R"(  esac
  compadd -- ${=words}
  _files
}
compdef _plumbline plumbline
)";
}

std::string fish(const std::vector<CompletedCommand>& commands, const std::vector<std::string>& kinds) {
  std::string text = "# fish completion of plumbline; use: plumbline completion fish | source\n";
  for (const auto& command : commands) {
    const auto space = command.name.find(' ');
    std::string condition = "__fish_use_subcommand";
    if (!command.name.empty()) {
      condition = "__fish_seen_subcommand_from " + command.name.substr(space == std::string::npos ? 0 : space + 1);
    }
    for (const auto& next : command.commands) {
      text += fmt::format("complete -c plumbline -n '{}' -a '{}'\n", condition, next);
    }
    if (command.name == "get" || command.name == "describe" || command.name == "explain") {
      text += fmt::format("complete -c plumbline -n '{}' -a '{}'\n", condition, join(kinds, " "));
    }
    for (const auto& option : command.options) {
      text += option.starts_with("--")
                  ? fmt::format("complete -c plumbline -n '{}' -l '{}'\n", condition, option.substr(2))
                  : fmt::format("complete -c plumbline -n '{}' -s '{}'\n", condition, option.substr(1));
    }
  }
  return text;
}

}  // namespace

Result<std::string> completion_script(std::string_view shell, const std::vector<CompletedCommand>& commands,
                                      const std::vector<std::string>& kinds) {
  if (shell == "bash") return bash(commands, kinds);
  if (shell == "zsh") return zsh(commands, kinds);
  if (shell == "fish") return fish(commands, kinds);
  return fail(Fault::invalid, "there is no completion for \"{}\"; there is for bash, zsh and fish", shell);
}

}  // namespace plumb::app
