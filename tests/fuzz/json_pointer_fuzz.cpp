// JSON Pointers (RFC 6901) against a second reading of the RFC that is as plain as can be: what is found is what that
// finds, for pointers of a document, of response pointers, and for any bytes; pointer_token makes a pointer of any
// member; and the references of OpenAPI documents, which are such pointers in a URL, come back as they went. With
// -DPLUMB_LIBFUZZER it is a libFuzzer target (of a pointer); otherwise it has a main of its own.
//   json_pointer_fuzz [rounds] [seed]
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/parse.hpp>

#include "controller/base/assert.h"
#include "controller/model/value.h"
#include "controller/openapi/document.h"

namespace {

using namespace plumb;

const char* const kDocument = R"({
  "": 0, "a": {"b": [10, 20, {"c": null}], "": {"": "deep"}}, "a/b": 1, "m~n": 2, "~1": 3, "~": 4, "/": 5, "-": 6,
  "0": "zero", "00": "twice", " ": 7, "k\"l": 8, "i\\j": 9, "ä": {"ö": [true]}, "%": {"%41": 11}, "#": 12,
  "list": [[], [[1, 2], {"x": [false]}], "text", 1.5, -1, {"0": {"1": "names that are numbers"}}],
  "eleven": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]})";

// RFC 6901, sections 3 and 4, word by word. Nothing: the pointer is none, or leads nowhere.
const Value* reference_at(const Value& document, const std::string& pointer) {
  const Value* here = &document;
  if (pointer.empty()) return here;
  if (pointer[0] != '/') return nullptr;
  std::vector<std::string> tokens;
  for (const char c : pointer) {
    if (c == '/') {
      tokens.emplace_back();
    } else {
      tokens.back() += c;
    }
  }
  // All of it first: what is no pointer leads nowhere, however far one would come.
  for (std::string& token : tokens) {
    std::string decoded;
    for (std::size_t i = 0; i < token.size(); ++i) {
      if (token[i] != '~') {
        decoded += token[i];
        continue;
      }
      if (i + 1 == token.size() || (token[i + 1] != '0' && token[i + 1] != '1')) return nullptr;
      decoded += token[++i] == '0' ? '~' : '/';
    }
    token = std::move(decoded);
  }
  for (const std::string& token : tokens) {
    if (const auto* object = here->if_object()) {
      const auto found = object->find(token);
      if (found == object->end()) return nullptr;
      here = &found->value();
    } else if (const auto* array = here->if_array()) {
      if (token.empty() || token.size() > 9 || token.find_first_not_of("0123456789") != token.npos) return nullptr;
      if (token.size() > 1 && token[0] == '0') return nullptr;
      const std::size_t index = std::stoul(token);
      if (index >= array->size()) return nullptr;
      here = &(*array)[index];
    } else {
      return nullptr;
    }
  }
  return here;
}

struct Counts {
  std::size_t found = 0, nowhere = 0;
};

void check(const Value& document, const std::string& pointer, Counts& counts) {
  const Value* const expected = reference_at(document, pointer);
  PLUMB_ASSERT(at(document, pointer) == expected);
  ++(expected == nullptr ? counts.nowhere : counts.found);
  if (expected == nullptr) {
    PLUMB_ASSERT(!text_at(document, pointer) && !int_at(document, pointer) && !bool_at(document, pointer));
    PLUMB_ASSERT(texts_at(document, pointer).empty());
    return;
  }
  PLUMB_ASSERT(text_at(document, pointer).has_value() == expected->is_string());
  PLUMB_ASSERT(int_at(document, pointer).has_value() == expected->is_int64());
  PLUMB_ASSERT(bool_at(document, pointer).has_value() == expected->is_bool());
  // As a reference within a document, of which the whole is none.
  if (pointer.empty()) return;
  const auto resolved = openapi::resolve(document, openapi::reference_to(pointer));
  PLUMB_ASSERT(resolved && resolved->value == expected && resolved->pointer == pointer);
}

// Every value has a pointer of tokens, and no two have the same.
void check_all(const Value& value, const std::string& pointer, const Value& document, Counts& counts,
               std::vector<std::string>& all) {
  PLUMB_ASSERT(at(document, pointer) == &value);
  check(document, pointer, counts);
  all.push_back(pointer);
  if (const auto* object = value.if_object())
    for (const auto& [name, member] : *object)
      check_all(member, pointer + '/' + pointer_token(name), document, counts, all);
  if (const auto* array = value.if_array())
    for (std::size_t i = 0; i < array->size(); ++i)
      check_all((*array)[i], pointer + '/' + std::to_string(i), document, counts, all);
}

}  // namespace

#ifdef PLUMB_LIBFUZZER
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Value document = boost::json::parse(kDocument);
  Counts counts;
  check(document, std::string(reinterpret_cast<const char*>(data), size), counts);
  return 0;
}
#else
int main(int argc, char** argv) {
  const unsigned long rounds = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 100000;
  std::mt19937 random(argc > 2 ? static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10)) : 1);
  const Value document = boost::json::parse(kDocument);
  Counts counts;
  std::vector<std::string> seeds;
  check_all(document, "", document, counts, seeds);
  PLUMB_ASSERT(counts.found == seeds.size() && seeds.size() > 40);
  for (const char* none : {"a", "/a/b/-", "/a/b/3", "/a/b/01", "/a/b/+1", "/a/b/1e0", "/a/b/ 1", "/~", "/~2", "/a~",
                           "//", "/a/b/18446744073709551617", "/nothing/~2", "/list/2/0", "#/a"})
    check(document, none, counts);
  PLUMB_ASSERT(counts.nowhere == 15);

  const char* const pieces[] = {"/", "~0", "~1", "~",   "0", "1",    "10",   "-",
                                "a", "b",  "",   "%41", "ä", "list", "/a/b", "00"};
  for (unsigned long round = 0; round < rounds; ++round) {
    std::string pointer = seeds[random() % seeds.size()];
    for (auto edits = random() % 4; edits > 0; --edits) {
      const std::size_t place = pointer.empty() ? 0 : random() % (pointer.size() + 1);
      switch (random() % 4) {
        case 0: pointer.insert(place, pieces[random() % std::size(pieces)]); break;
        case 1:
          if (place < pointer.size()) pointer.erase(place, random() % 3 + 1);
          break;
        case 2:
          if (place < pointer.size()) pointer[place] = static_cast<char>(random() % 256);
          break;
        default: pointer += seeds[random() % seeds.size()]; break;
      }
    }
    check(document, pointer, counts);
    // Any bytes are the name of some member.
    Value named(Object{{pointer, Object{{"x", pointer}}}});
    PLUMB_ASSERT(text_at(named, "/" + pointer_token(pointer) + "/x") == pointer);
  }
  PLUMB_ASSERT(rounds < 1000 || (counts.found > rounds / 20 && counts.nowhere > rounds / 20));
  std::printf("%lu mutations of %zu pointers: %zu lead somewhere, %zu nowhere\n", rounds, seeds.size(), counts.found,
              counts.nowhere);
}
#endif
