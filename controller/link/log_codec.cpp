#include "controller/link/log_codec.h"

#include <algorithm>

#include "controller/link/wire.h"

namespace plumb::link {
namespace {

// Names become names in an archive: nothing that leads out of it.
bool is_plain(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
  };
  return !name.empty() && name.size() <= 100 && name.front() != '.' && std::ranges::all_of(name, fits);
}

}  // namespace

std::string encode_file(std::string_view name, std::string_view content) {
  return Writer().text(name).text(content).take();
}

Result<std::vector<std::pair<std::string, std::string>>> decode_files(std::string_view stream) {
  Reader in(stream);
  std::vector<std::pair<std::string, std::string>> files;
  while (in.good() && !in.at_end() && files.size() < 1000) {
    std::string name = in.string(), content = in.string();
    if (!is_plain(name)) return fail(Fault::invalid, "the connector's files cannot be read");
    files.emplace_back(std::move(name), std::move(content));
  }
  if (!in.at_end()) return fail(Fault::invalid, "the connector's files cannot be read");
  return files;
}

}  // namespace plumb::link
