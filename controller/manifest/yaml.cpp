#include "controller/manifest/yaml.h"

#include <algorithm>
#include <istream>
#include <streambuf>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "controller/base/text.h"
#include "controller/manifest/builder.h"
#include "controller/manifest/json_reader.h"
#include "controller/manifest/scalar.h"
#include "controller/manifest/yaml_text.h"

namespace plumb::manifest {
namespace {

constexpr std::string_view kCoreTag = "tag:yaml.org,2002:";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// Reads a text in place.
class TextBuffer final : public std::streambuf {
 public:
  explicit TextBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());  // NOLINT: a get area is never written to
    setg(begin, begin, begin + text.size());
  }
};

// From yaml-cpp's events to the builder's.
class Handler final : public YAML::EventHandler {
 public:
  Handler(const Chunk& chunk, Builder& builder) : chunk_(chunk), builder_(builder) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (std::exchange(started_, true))
      builder_.abandon(at(mark),
                       "text after the end of the document; check the indentation, or separate documents by \"---\"");
  }
  void OnDocumentEnd() override {}
  void OnAnchor(const YAML::Mark&, const std::string&) override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    // yaml-cpp takes a line without a colon for a key without a value, and puts the value at the key.
    if (at(mark) == key_at_ && !builder_.expects_key())
      builder_.problem(at(mark), "the key has no value; is a \":\" missing?");
    builder_.add(at(mark), anchor, nullptr);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override { builder_.alias(at(mark), anchor); }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    check_tag(mark, tag, "seq");
    builder_.begin(at(mark), anchor, false);
  }
  void OnSequenceEnd() override { builder_.end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    check_tag(mark, tag, "map");
    const std::size_t offset = at(mark);
    if (builder_.expects_key() && mark.pos > 0 && chunk_.text.substr(static_cast<std::size_t>(mark.pos) - 1, 2) == "{{")
      builder_.abandon(offset - 1, "\"{{\" looks like a template; render it first, or put the text in quotes");
    builder_.begin(offset, anchor, true);
  }
  void OnMapEnd() override { builder_.end(); }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    if (tag == "?") return plain(mark, anchor, text);
    if (!quote_is_closed(chunk_.text, static_cast<std::size_t>(mark.pos)))
      builder_.abandon(at(mark), "the quote that begins here is never closed");
    if (tag != "!") return tagged(mark, tag, anchor, text);
    add_text(mark, anchor, text);
  }

 private:
  std::size_t at(const YAML::Mark& mark) const {
    return chunk_.offset + (mark.pos < 0 ? 0 : static_cast<std::size_t>(mark.pos));
  }

  void add_text(const YAML::Mark& mark, YAML::anchor_t anchor, const std::string& text) {
    if (text.find('\0') != text.npos) builder_.problem(at(mark), "a text cannot hold NUL");
    // yaml-cpp makes single bytes of these two escapes.
    if (!is_utf8(text))
      builder_.problem(at(mark), "the escapes \\N and \\_ are not supported; write \\u0085 and \\u00a0");
    if (builder_.expects_key()) key_at_ = at(mark);
    builder_.add(at(mark), anchor, Value(text));
  }

  void plain(const YAML::Mark& mark, YAML::anchor_t anchor, const std::string& text) {
    if (text == "<<" && builder_.expects_key()) return builder_.merge_key(at(mark));
    PlainScalar scalar = read_plain(text);
    switch (scalar.kind) {
      case PlainScalar::Kind::text: return add_text(mark, anchor, text);
      case PlainScalar::Kind::ambiguous:
        builder_.problem(at(mark), fmt::format("{0} is {1} in YAML 1.1 and {2} in YAML 1.2; if it is meant as a text, "
                                               "write \"{0}\" in quotes",
                                               text, scalar.yaml_1_1, scalar.yaml_1_2));
        return add_text(mark, anchor, text);
      case PlainScalar::Kind::unusable:
        builder_.problem(at(mark), fmt::format("{} is not a number that JSON and 64 bits can hold; if it is meant as a "
                                               "text, put it in quotes",
                                               printable(text)));
        return add_text(mark, anchor, text);
      case PlainScalar::Kind::null:
      case PlainScalar::Kind::boolean:
      case PlainScalar::Kind::integer:
      case PlainScalar::Kind::real: return builder_.add(at(mark), anchor, std::move(scalar.value));
    }
  }

  void tagged(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& text) {
    if (tag == fmt::format("{}str", kCoreTag)) return add_text(mark, anchor, text);
    PlainScalar scalar = read_plain(text);
    using Kind = PlainScalar::Kind;
    const bool known = std::any_of(std::begin(kScalarTags), std::end(kScalarTags), [&](const auto& known_tag) {
      return tag == fmt::format("{}{}", kCoreTag, known_tag.first);
    });
    if (!known) {
      refuse_tag(mark, tag);
    } else if (const bool fits = std::any_of(std::begin(kScalarTags), std::end(kScalarTags),
                                             [&](const auto& known_tag) {
                                               return tag == fmt::format("{}{}", kCoreTag, known_tag.first) &&
                                                      known_tag.second == scalar.kind;
                                             });
               fits) {
      return builder_.add(at(mark), anchor, std::move(scalar.value));
    } else if (!(tag == fmt::format("{}float", kCoreTag) && scalar.kind == Kind::integer)) {
      builder_.problem(at(mark),
                       fmt::format("\"{}\" does not fit the tag !!{}", printable(text), tag.substr(kCoreTag.size())));
    } else {
      return builder_.add(at(mark), anchor, Value(static_cast<double>(scalar.value.get_int64())));
    }
    add_text(mark, anchor, text);
  }

  void check_tag(const YAML::Mark& mark, const std::string& tag, std::string_view expected) {
    if (tag == "?" || tag == "!" || tag.empty() || tag == fmt::format("{}{}", kCoreTag, expected)) return;
    refuse_tag(mark, tag);
  }
  void refuse_tag(const YAML::Mark& mark, std::string_view tag) {
    if (tag.starts_with(kCoreTag)) tag.remove_prefix(kCoreTag.size() - 2);
    const std::string shown = tag.starts_with("2:") ? fmt::format("!!{}", tag.substr(2)) : std::string(tag);
    builder_.problem(at(mark), fmt::format("the tag {} is not supported; manifests use no tags but !!str and the like",
                                           printable(shown)));
  }

  static constexpr std::pair<std::string_view, PlainScalar::Kind> kScalarTags[] = {
      {"int", PlainScalar::Kind::integer},
      {"float", PlainScalar::Kind::real},
      {"bool", PlainScalar::Kind::boolean},
      {"null", PlainScalar::Kind::null},
  };
  const Chunk& chunk_;
  Builder& builder_;
  bool started_ = false;
  std::size_t key_at_ = static_cast<std::size_t>(-1);  // of the last key
};

struct Rewording {
  std::string_view theirs, ours;
};
const Rewording kRewordings[] = {
    {YAML::ErrorMsg::END_OF_MAP, "not a \"key: value\" of the mapping around it; check the indentation and the colon"},
    {YAML::ErrorMsg::END_OF_MAP_FLOW, "\"}\" or \",\" is missing"},
    {YAML::ErrorMsg::END_OF_SEQ, "not an item (\"- ...\") of the list around it; check the indentation"},
    {YAML::ErrorMsg::END_OF_SEQ_FLOW, "\"]\" or \",\" is missing"},
    {YAML::ErrorMsg::MAP_VALUE,
     "\":\" cannot stand here; put texts that hold \": \" in quotes, and check the indentation"},
    {YAML::ErrorMsg::MAP_KEY, "a key cannot stand here; check the indentation"},
    {YAML::ErrorMsg::BLOCK_ENTRY, "a list item (\"- \") cannot stand here; check the indentation"},
    {YAML::ErrorMsg::UNKNOWN_TOKEN, "this character cannot begin a value; put the text in quotes"},
    {YAML::ErrorMsg::EOF_IN_SCALAR, "the file ends inside of a quoted text"},
    {YAML::ErrorMsg::DOC_IN_SCALAR, "the document ends inside of a quoted text; is a quote missing?"},
    {YAML::ErrorMsg::UNKNOWN_ANCHOR, "this alias refers to an anchor that is not defined in the document"},
    {YAML::ErrorMsg::BAD_FILE, "nested too deep"},
};

std::string reworded(const YAML::ParserException& error, std::string_view text) {
  const auto offset = static_cast<std::size_t>(std::max(error.mark.pos, 0));
  const std::size_t newline = offset == 0 ? text.npos : text.rfind('\n', offset - 1);
  const std::string_view line = text.substr(newline == text.npos ? 0 : newline + 1);
  const std::string_view indent = line.substr(0, std::min(line.find_first_not_of(" \t"), line.size()));
  if (indent.find('\t') != indent.npos) return "a tab in the indentation; YAML is indented by spaces";
  for (const Rewording& rewording : kRewordings)
    if (error.msg == rewording.theirs) return std::string(rewording.ours);
  return error.msg;
}

void read_yaml(const Chunk& chunk, Builder& builder) {
  if (chunk.fault) return builder.problem(chunk.fault->offset, chunk.fault->message);
  TextBuffer buffer(chunk.text);
  std::istream stream(&buffer);
  Handler handler(chunk, builder);
  try {
    YAML::Parser parser(stream);
    // One document to a chunk: what follows it is text that yaml-cpp could not make part of it.
    while (parser.HandleNextDocument(handler)) {
    }
  } catch (const YAML::ParserException& error) {
    builder.abandon(chunk.offset + static_cast<std::size_t>(std::max(error.mark.pos, 0)), reworded(error, chunk.text));
  }
}

bool is_json(const std::string& file) { return file.ends_with(".json"); }

// One file: its documents, and all that is wrong with them.
class FileReader {
 public:
  FileReader(std::string_view text, const std::string& file, const YamlLimits& limits)
      : text_(text), file_(file), limits_(limits), lines_(text) {}

  // `marks`: of each document; null: not wanted.
  YamlFile run(std::vector<Marks>* marks) {
    if (text_.size() > limits_.bytes)
      return refused(0, fmt::format("larger than {} bytes; split the file", limits_.bytes));
    if (const auto fault = check_bytes(text_)) return refused(fault->offset, fault->message);
    const std::size_t skip = text_.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
    std::vector<Chunk> chunks;
    if (is_json(file_)) {
      chunks.push_back({skip, text_.substr(skip), {}});
    } else {
      chunks = split_documents(text_.substr(skip));
      for (Chunk& chunk : chunks) {
        chunk.offset += skip;
        if (chunk.fault) chunk.fault->offset += skip;
      }
    }
    if (chunks.size() > limits_.documents)
      return refused(0, fmt::format("more than {} documents; split the file", limits_.documents));
    Builder builder({limits_, file_, lines_, result_.diagnostics});
    for (const Chunk& chunk : chunks) {
      Marks of_document;
      const bool is_document = read(chunk, builder, marks == nullptr ? nullptr : &of_document);
      if (is_document && marks != nullptr) marks->push_back(std::move(of_document));
    }
    return std::move(result_);
  }

 private:
  bool read(const Chunk& chunk, Builder& builder, Marks* marks) {
    builder.begin_document(marks);
    const std::size_t faults = result_.diagnostics.size();
    try {
      if (is_json(file_)) {
        read_json(text_, chunk.offset, builder);
      } else {
        read_yaml(chunk, builder);
      }
    } catch (const Abandoned&) {
    }
    if (result_.diagnostics.size() > faults || !builder.has_document()) return false;
    result_.documents.push_back({builder.take(), lines_.locate(builder.first_node(), file_)});
    return true;
  }

  YamlFile refused(std::size_t offset, std::string message) {
    return {{}, {{Severity::error, lines_.locate(offset, file_), "", std::move(message)}}};
  }

  std::string_view text_;
  const std::string& file_;
  const YamlLimits& limits_;
  LineIndex lines_;
  YamlFile result_;
};

}  // namespace

YamlFile parse_yaml(std::string_view text, const std::string& file, const YamlLimits& limits) {
  return FileReader(text, file, limits).run(nullptr);
}

std::vector<Marks> marks_of(std::string_view text, const std::string& file) {
  std::vector<Marks> marks;
  std::ignore = FileReader(text, file, {}).run(&marks);
  return marks;
}

}  // namespace plumb::manifest
