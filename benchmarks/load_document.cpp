// What it costs to make an OpenAPI document callable: text -> value -> model -> operations, beside a floor of the same
// run over the same bytes: Boost.JSON alone for JSON, yaml-cpp's events thrown away for YAML.
//   load_document [MB] [runs]
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <vector>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/parser.h>
#include <boost/json/parse.hpp>

#include "controller/manifest/document.h"
#include "controller/openapi/model.h"
#include "controller/openapi/request.h"
#include "tests/support/large_document.h"

namespace {

using namespace plumb;

[[noreturn]] void stop(const std::string& why) {
  std::cerr << "load_document: " << why << '\n';
  std::exit(1);
}

long peak_memory() {  // kB
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("VmHWM:")) return std::strtol(line.c_str() + 6, nullptr, 10);
  return 0;
}

template <class F>
double median_of(std::size_t runs, F&& work) {
  std::vector<double> took;
  for (std::size_t i = 0; i < runs; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    took.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  std::ranges::nth_element(took, took.begin() + static_cast<std::ptrdiff_t>(runs / 2));
  return took[runs / 2];
}

class Nobody final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override { ++events; }
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override { ++events; }
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override { ++events; }
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
    ++events;
  }
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
    ++events;
  }
  void OnMapEnd() override {}
  std::size_t events = 0;
};

std::size_t events_of(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  Nobody nobody;
  while (parser.HandleNextDocument(nobody)) {
  }
  return nobody.events;
}

struct Took {
  double parsing = 0, all = 0, floor = 0;  // s
};

// What is measured is checked: as many operations as were written.
void load(const std::string& text, std::size_t operations) {
  const auto document = manifest::parse_document(text);
  if (!document) stop(document.error().message);
  auto parsed = openapi::parse_model(*document);
  if (!parsed.model) stop(to_string(parsed.diagnostics.front()));
  const openapi::Operations compiled(std::make_shared<const openapi::Model>(std::move(*parsed.model)));
  if (compiled.model().operations.size() != operations) stop("operations are missing");
}

void row(std::string_view what, std::size_t bytes, const Took& took, std::string_view floor) {
  fmt::print("{}: {} bytes, parsed in {:.3f} s, callable in {:.3f} s, {} {:.3f} s, ratio {:.2f}\n", what, bytes,
             took.parsing, took.all, floor, took.floor, took.all / took.floor);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t megabytes = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 10;
  const std::size_t runs = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 5;
  if (megabytes == 0 || megabytes > 16 || runs == 0) return 2;
  // The size is that of the JSON; the YAML of the same document is larger.
  const auto [json, operations] = test::large_document(megabytes * 1'000'000);
  const auto parse = [](const std::string& text) {
    if (!manifest::parse_document(text)) stop("not understood");
  };
  const Took as_json{median_of(runs, [&] { parse(json); }), median_of(runs, [&] { load(json, operations); }),
                     median_of(runs, [&] { std::ignore = boost::json::parse(json); })};
  row("JSON", json.size(), as_json, "Boost.JSON alone");
  const long peak = peak_memory();
  // Of the same number of bytes: a smaller document.
  auto smaller = test::large_document(megabytes * 600'000);
  const std::string yaml = manifest::write_yaml(*manifest::parse_document(smaller.json));
  const Took as_yaml{median_of(runs, [&] { parse(yaml); }), median_of(runs, [&] { load(yaml, smaller.operations); }),
                     median_of(runs, [&] {
                       if (events_of(yaml) == 0) stop("yaml-cpp saw nothing");
                     })};
  row("YAML", yaml.size(), as_yaml, "yaml-cpp's events alone");
  fmt::print("{} operations; peak memory {} MB with the JSON\n", operations, peak / 1024);
}
