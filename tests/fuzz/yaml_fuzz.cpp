// Any bytes are read as YAML and as JSON without a crash, with positions inside of the text, and what is
// accepted is written and read back the same. With -DPLUMB_LIBFUZZER it is a libFuzzer target; otherwise it
// has a main of its own: seeds and a bounded number of mutations of them.
//   yaml_fuzz [rounds] [seed]
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "controller/base/assert.h"
#include "controller/manifest/yaml.h"

namespace {

using namespace plumb;

void check(const std::string& text, const std::string& name) {
  const manifest::YamlLimits limits{.bytes = 1 << 16, .depth = 32, .nodes = 10'000, .documents = 100};
  const manifest::YamlFile file = manifest::parse_yaml(text, name, limits);
  for (const Diagnostic& diagnostic : file.diagnostics) {
    PLUMB_ASSERT(diagnostic.at.line >= 1 && diagnostic.at.column >= 1);
    PLUMB_ASSERT(!diagnostic.message.empty());
  }
  if (!file.diagnostics.empty()) return;
  for (const manifest::YamlDocument& document : file.documents) {
    const manifest::YamlFile again = manifest::parse_yaml(manifest::write_yaml(document.value), "again.yaml");
    PLUMB_ASSERT(again.diagnostics.empty() && again.documents.size() == 1);
    PLUMB_ASSERT(canonical(again.documents[0].value) == canonical(document.value));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  check(text, "f.yaml");
  check(text, "f.json");
  return 0;
}

#ifndef PLUMB_LIBFUZZER
int main(int argc, char** argv) {
  const unsigned long rounds = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 20'000;
  std::mt19937 random(argc > 2 ? static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10)) : 1);
  const std::vector<std::string> seeds = {
      "a: 1\nb: [x, 'y', \"z\"]\nc: {d: e}\n",
      "--- # c\na: &x {p: 1}\nb: *x\nc: {<<: *x, q: 2}\n...\n---\n- - a\n  - b\n",
      "a: |\n  text\n  more\nb: >-\n  folded\n  text\n? key\n: value\n",
      "{\"a\": [1, -2.5e3, \"\\u00e4\\ud83d\\ude00\", null, true]}",
      "%YAML 1.2\n---\na: !!str 017\nb: !!int 5\n",
      "apiVersion: plumbline.dev/v1alpha1\nkind: ADUser\nmetadata:\n  name: jdoe\nspec:\n  mail: \"j@x\"\n",
  };
  const std::vector<std::string> pieces = {
      "\"", "'",     ": ",    "- ", "\n",     "  ", "\t", "&a ", "*a", "<<: ", "{",        "}", "[", "]", ",",
      "#",  "---\n", "...\n", "!",  "!!str ", "|",  ">",  "?",   "\\", "\xff", "\xc3\xa4", "%", "0", "\r"};
  for (const std::string& seed : seeds) check(seed, "f.yaml");
  for (unsigned long round = 0; round < rounds; ++round) {
    std::string text = seeds[random() % seeds.size()];
    for (auto edits = random() % 6 + 1; edits > 0; --edits) {
      const std::size_t at = random() % (text.size() + 1);
      if (random() % 3 == 0) {
        text.erase(at, random() % 8);
      } else {
        text.insert(at, pieces[random() % pieces.size()]);
      }
    }
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  }
  std::printf("%lu mutations of %zu seeds\n", rounds, seeds.size());
}
#endif
