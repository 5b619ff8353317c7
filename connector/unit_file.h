#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace plumb::connector {

inline constexpr std::string_view kService = "integration-connector.service";
inline constexpr std::string_view kServiceUser = "plumbline-connector";

// packaging/integration-connector.service, which the build puts into the program.
std::string_view packaged_unit();
// packaging/policy.toml, which allows nothing and shows how to.
std::string_view packaged_policy();
// The same for a program elsewhere than in /usr/bin, with `mark` as its first line.
std::string unit_for(const std::filesystem::path& program, std::string_view mark);
// A drop-in that lets the service write to a storage that is not /var/lib/plumbline-connector, which systemd makes.
std::string storage_drop_in(const std::filesystem::path& storage, std::string_view mark);

}  // namespace plumb::connector
