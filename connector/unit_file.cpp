#include "connector/unit_file.h"

#include <fmt/format.h>

namespace plumb::connector {
namespace {

// In unit files "%" begins a specifier and quotes hold a path together (systemd.syntax(7)).
std::string unit_path(const std::filesystem::path& path) {
  std::string text = "\"";
  for (const char c : path.string()) {
    if (c == '%') text += '%';
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + '"';
}

}  // namespace

std::string unit_for(const std::filesystem::path& program, std::string_view mark) {
  constexpr std::string_view kPackaged = "/usr/bin/plumbline-connector";
  std::string text(packaged_unit());
  if (const auto at = text.find(kPackaged); at != std::string::npos)
    text.replace(at, kPackaged.size(), program.string());
  return fmt::format("{}\n{}", mark, text);
}

std::string storage_drop_in(const std::filesystem::path& storage, std::string_view mark) {
  return fmt::format("{}\n[Service]\nReadWritePaths={}\n", mark, unit_path(storage));
}

}  // namespace plumb::connector
