// Loads and validates ADUser manifests, one to a file in 1,000 directories: how many documents a second,
// how much memory. The peer, yaml-cpp's own YAML::Load of the same bytes, is measured in the same run.
//   load_manifests [documents] [threads]
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "controller/adapters/files/directory_source.h"
#include "controller/base/clock.h"
#include "controller/base/digest.h"
#include "controller/manifest/loader.h"
#include "controller/manifest/yaml.h"

namespace {

using namespace plumb;
constexpr std::size_t kDirectories = 1'000;

std::string manifest(std::size_t i) {
  return fmt::format(R"(apiVersion: plumbline.dev/v1alpha1
kind: ADUser
metadata:
  name: user{0:06}
  labels:
    department: sales
spec:
  organizationalUnitRef: {{name: people}}
  sAMAccountName: user{0:06}
  userPrincipalName: user{0:06}@ad.test
  givenName: Given{0}
  sn: Surname{0}
  displayName: Given{0} Surname{0}
  mail: user{0:06}@example.com
  proxyAddresses:
    - SMTP:user{0:06}@example.com
    - smtp:given{0}.surname{0}@example.com
  title: Engineer
  department: Sales
  company: Example
  employeeID: "{0:08}"
  telephoneNumber: "+49 30 {0:07}"
  managerRef: {{name: user{1:06}}}
  memberOf:
    - {{name: staff}}
  enabled: true
)",
                     i, i / 10);
}

std::string surroundings() {
  return R"(apiVersion: plumbline.dev/v1alpha1
kind: OrganizationalUnit
metadata: {name: people}
spec: {name: People, parentDN: "DC=ad,DC=test"}
---
apiVersion: plumbline.dev/v1alpha1
kind: ADGroup
metadata: {name: staff}
spec: {parentDN: "DC=ad,DC=test"}
)";
}

void write_file(const std::filesystem::path& path, const std::string& text) { std::ofstream(path) << text; }

std::string read_file(const std::filesystem::path& path) {
  std::ifstream stream(path);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::size_t bytes_written = 0;

void generate(const std::filesystem::path& root, std::size_t documents) {
  for (std::size_t i = 0; i < kDirectories; ++i) std::filesystem::create_directories(root / fmt::format("d{:03}", i));
  write_file(root / "base.yaml", surroundings());
  for (std::size_t i = 0; i < documents; ++i) {
    const std::string text = manifest(i);
    bytes_written += text.size();
    write_file(root / fmt::format("d{:03}", i % kDirectories) / fmt::format("user{:06}.yaml", i), text);
  }
}

// kB of the process, from /proc/self/status.
long memory(std::string_view field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(field)) return std::strtol(line.c_str() + field.size() + 1, nullptr, 10);
  return 0;
}

template <class F>
double seconds(F&& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

[[noreturn]] void stop(const std::string& why) {
  std::cerr << why << '\n';
  std::exit(1);
}

schema::Registry load_registry() {
  std::vector<Value> crds;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(PLUMB_SOURCE_DIR) / "crds"))
    if (entry.path().extension() == ".yaml")
      for (auto& document : manifest::parse_yaml(read_file(entry.path()), entry.path().string()).documents)
        crds.push_back(std::move(document.value));
  auto registry = schema::Registry::from_crds(crds);
  if (!registry) stop(registry.error().message);
  return std::move(*registry);
}

double load_with_yaml_cpp(const std::vector<SourceFile>& files, unsigned threads) {
  std::atomic<std::size_t> next = 0, nodes = 0;
  return seconds([&] {
    std::vector<std::jthread> pool;
    for (unsigned t = 0; t < threads; ++t)
      pool.emplace_back([&] {
        for (std::size_t i = next++; i < files.size(); i = next++) nodes += YAML::Load(*files[i].content).size();
      });
  });
}

// The median of many commits, each of which changes one file: from the delta to the published snapshot.
double change_one(manifest::Loader& loader, std::size_t documents) {
  constexpr std::size_t kCommits = 201;
  std::vector<double> took;
  for (std::size_t n = 0; n < kCommits; ++n) {
    const std::size_t i = n * 7'919 % documents;
    const std::string text = manifest(i) + fmt::format("  description: commit {}\n", n);
    const std::string path = fmt::format("d{:03}/user{:06}.yaml", i % kDirectories, i);
    const TreeDelta delta{
        fmt::format("commit{}", n), false, {{path, sha256(text), std::make_shared<const std::string>(text)}}, {}, {}};
    std::shared_ptr<const Snapshot> snapshot;
    took.push_back(seconds([&] { snapshot = loader.apply(delta); }));
    if (!snapshot->complete()) stop("a changed file was not understood");
  }
  std::nth_element(took.begin(), took.begin() + kCommits / 2, took.end());
  return took[kCommits / 2];
}

void row(std::string_view what, std::size_t documents, double took) {
  fmt::print("{:<46} {:>8.2f} s {:>12.0f} documents/s\n", what, took, static_cast<double>(documents) / took);
}

void run(const std::filesystem::path& root, std::size_t documents, unsigned threads) {
  generate(root, documents);
  const schema::Registry registry = load_registry();
  const long before = memory("VmRSS");
  auto source = files::make_directory_source({root});
  manifest::Loader loader(registry, {{{"ADUser", "/spec/managerRef/name", "ADUser"},
                                      {"ADUser", "/spec/memberOf/*/name", "ADGroup"},
                                      {"ADUser", "/spec/organizationalUnitRef/name", "OrganizationalUnit"}},
                                     threads});
  Result<TreeDelta> delta = fail(Fault::internal, "not read");
  std::shared_ptr<const Snapshot> snapshot;
  const double reading = seconds([&] { delta = source->read("", Deadline::never()); });
  if (!delta) stop(delta.error().message);
  const double parsing = seconds([&] { snapshot = loader.apply(*delta); });
  if (!snapshot->complete() || snapshot->resources.size() != documents + 2)
    stop(fmt::format("{} resources; {}", snapshot->resources.size(),
                     snapshot->diagnostics.empty() ? "" : to_string(snapshot->diagnostics.front())));
  const long peak = memory("VmHWM");
  const std::string revision = delta->revision;
  delta = fail(Fault::internal, "released");
  ::malloc_trim(0);
  const long kept = memory("VmRSS");
  const double unchanged = seconds([&] {
    delta = source->read(revision, Deadline::never());
    if (delta) snapshot = loader.apply(*delta);
  });
  if (!delta || !delta->changed.empty()) stop("the unchanged tree was read again");
  delta = source->read("", Deadline::never());
  if (!delta) stop(delta.error().message);
  const std::vector<SourceFile> files = std::move(delta->changed);
  const double same_bytes = seconds([&] { snapshot = loader.apply({"again", true, files, {}, {}}); });
  const double one = change_one(loader, documents);
  const double peer = load_with_yaml_cpp(files, threads);
  fmt::print("{} ADUser manifests, {} bytes each, {} threads, page cache warm\n", documents, bytes_written / documents,
             threads);
  row("read the tree", documents, reading);
  row("parse, validate, default, link (cold)", documents, parsing);
  row("cold, both", documents, reading + parsing);
  row("unchanged tree: look and snapshot", documents, unchanged);
  row("all files given again, same content", documents, same_bytes);
  fmt::print("{:<46} {:>8.2f} ms\n", "one file changed: delta to snapshot (median)", one * 1'000);
  row("peer: yaml-cpp YAML::Load, same bytes", documents, peer);
  fmt::print("peak memory {} MB; kept {:.2f} kB a manifest\n", peak / 1024,
             static_cast<double>(kept - before) / static_cast<double>(documents));
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t documents = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 100'000;
  const auto threads = static_cast<unsigned>(argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 2);
  std::string name = (std::filesystem::temp_directory_path() / "plumbline-load-XXXXXX").string();
  if (documents == 0 || threads == 0 || ::mkdtemp(name.data()) == nullptr) return 2;
  run(name, documents, threads);
  std::filesystem::remove_all(name);
}
