#include "controller/app/origins.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "controller/adapters/files/directory_source.h"
#include "controller/manifest/loader.h"
#include "reconcilers/reconcilers.h"

namespace plumb::app {
namespace {

// Cells of the table that compares the lines in the middle of two files; beyond, they count as different.
constexpr std::size_t kMostCells = 4'000'000;

void add_values(const Value& value, const std::string& pointer, std::vector<Origin>& to) {
  if (const auto* object = value.if_object(); object != nullptr && !object->empty()) {
    for (const auto& [name, member] : *object)
      add_values(member, pointer + "/" + pointer_token(std::string_view(name)), to);
    return;
  }
  if (const auto* list = value.if_array(); list != nullptr && !list->empty()) {
    for (std::size_t i = 0; i < list->size(); ++i) {
      to.push_back({});
      to.back().pointer = fmt::format("{}/{}", pointer, i);
      to.back().value = canonical((*list)[i]);
    }
    return;
  }
  to.push_back({});
  to.back().pointer = pointer;
  to.back().value = canonical(value);
}

std::vector<std::string> tokens_of(std::string_view pointer) {
  std::vector<std::string> tokens;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const auto end = std::min(pointer.find('/'), pointer.size());
    std::string token(pointer.substr(0, end));
    for (std::size_t at = 0; (at = token.find('~', at)) != std::string::npos; ++at)
      token.replace(at, 2, token.compare(at, 2, "~1") == 0 ? "/" : "~");
    tokens.push_back(std::move(token));
    pointer.remove_prefix(end);
  }
  return tokens;
}

std::optional<std::size_t> index_in(const Value& value, const std::string& token) {
  const auto* list = value.if_array();
  std::size_t index = 0;
  const auto parsed = std::from_chars(token.data(), token.data() + token.size(), index);
  if (list == nullptr || parsed.ec != std::errc() || index >= list->size()) return {};
  return index;
}

Value* member_of(Value& value, const std::string& token) {
  if (auto* object = value.if_object()) return object->if_contains(token);
  if (const auto index = index_in(value, token)) return &value.get_array()[*index];
  return nullptr;
}

void erase_member(Value& value, const std::string& token) {
  if (auto* object = value.if_object()) object->erase(token);
  if (const auto index = index_in(value, token))
    value.get_array().erase(value.get_array().begin() + static_cast<std::ptrdiff_t>(*index));
}

// Another value of the same type.
void alter(Value& value) {
  if (value.is_bool()) {
    value = !value.get_bool();
  } else if (value.is_int64()) {
    value = value.get_int64() + 1;
  } else if (value.is_uint64()) {
    value = value.get_uint64() + 1;
  } else if (value.is_string()) {
    value = std::string(value.get_string()) + "x";
  }
}

// The resource with the value at the pointer gone, or altered; null if there is none of it.
std::shared_ptr<Resource> variant(const Resource& resource, const std::string& pointer, bool gone) {
  constexpr std::string_view kSpec = "/spec";
  if (!pointer.starts_with(kSpec)) return nullptr;
  auto other = std::make_shared<Resource>(resource);
  auto tokens = tokens_of(std::string_view(pointer).substr(kSpec.size()));
  if (tokens.empty()) return nullptr;
  Value* at = &other->spec;
  for (std::size_t i = 0; i + 1 < tokens.size() && at != nullptr; ++i) at = member_of(*at, tokens[i]);
  if (at == nullptr || member_of(*at, tokens.back()) == nullptr) return nullptr;
  if (gone) {
    erase_member(*at, tokens.back());
  } else {
    alter(*member_of(*at, tokens.back()));
  }
  return other;
}

using Asked = std::map<std::string, std::string, IgnoreCase>;

void add_attributes(const Attributes& attributes, std::string_view how, Asked& to) {
  for (const auto& [name, attribute] : attributes) to[name] += fmt::format("{}{}", how, join(attribute.values, "\n"));
}

// Everything that is asked of the target, attribute by attribute.
Asked asked_by(const Wanted& wanted) {
  Asked asked;
  add_attributes(wanted.attributes, "=", asked);
  add_attributes(wanted.creation_only, "new=", asked);
  for (const auto& [name, links] : wanted.links) {
    asked[name] += links.authoritative ? "all" : "some";
    for (const Link& link : links.links) asked[name] += fmt::format("\n{} {}", link.key, link.handle);
  }
  for (const OnceWrite& once : wanted.once) add_attributes(once.writes, once.token + " once=", asked);
  if (wanted.place)
    asked["distinguishedName"] = fmt::format("{}={}\n{} {}", wanted.place->rdn_attribute, wanted.place->name,
                                             wanted.place->parent.key, wanted.place->parent.handle);
  return asked;
}

// Nothing: its kind does not project it.
std::optional<Asked> asked_of(const Resource& resource, const Snapshot& snapshot) {
  auto kinds = directory_kinds();
  std::ranges::copy(runtime_kinds(), std::back_inserter(kinds));
  const auto kind = std::ranges::find(kinds, resource.key.kind, [](const Reconciler* each) { return each->kind(); });
  if (kind == kinds.end()) return {};
  const auto wanted = (*kind)->project(resource, snapshot);
  return wanted ? std::optional(asked_by(*wanted)) : std::nullopt;
}

std::vector<std::string> differences(const Asked& a, const Asked& b) {
  std::set<std::string, IgnoreCase> names;
  for (const auto& [name, value] : a)
    if (const auto there = b.find(name); there == b.end() || there->second != value) names.insert(name);
  for (const auto& [name, value] : b)
    if (!a.contains(name)) names.insert(name);
  return {names.begin(), names.end()};
}

// What the rule's reference says where the pointer is at the item that holds it: "/spec/memberOf/0".
std::optional<std::string> name_at(const ReferenceRule& rule, const Resource& resource, const std::string& pointer) {
  const auto pattern = tokens_of(rule.path), tokens = tokens_of(pointer);
  if (pattern.size() != tokens.size() + 1) return {};
  for (std::size_t i = 0; i < tokens.size(); ++i)
    if (pattern[i] != "*" && pattern[i] != tokens[i]) return {};
  return text_at(resource.spec, pointer.substr(std::string_view("/spec").size()) + "/" + pattern.back());
}

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// The file as it is now, and the commit of each of its lines.
struct Lines {
  std::shared_ptr<const std::string> content;
  std::shared_ptr<const Blame> blame;  // null: no history
  std::vector<int> committed;          // see lines_kept
  std::string no_history;
};

Result<Lines> lines_of(const std::string& path, const Revisions* revisions, const std::filesystem::path& folder) {
  Lines lines;
  if (folder.empty()) {
    PLUMB_TRY(lines.content, revisions->history().file(path, revisions->head()));
  } else {
    PLUMB_TRY(auto content, files::read_manifest({.root = folder}, path));
    lines.content = std::make_shared<const std::string>(std::move(content));
  }
  if (revisions == nullptr) return lines;
  const auto committed = revisions->history().file(path, revisions->head());
  if (!committed && committed.error().fault == Fault::not_found) {
    lines.no_history = path + " is not committed yet";
    return lines;
  }
  PLUMB_CHECK(committed);
  lines.committed = lines_kept(**committed, *lines.content);
  PLUMB_TRY(lines.blame, revisions->history().blame(path, revisions->head()));
  return lines;
}

std::optional<Location> place_of(const std::map<std::string, Location>& positions, const std::string& pointer) {
  const auto at = positions.lower_bound(pointer);
  if (at == positions.end()) return {};
  if (at->first == pointer || at->first.starts_with(pointer + "/")) return at->second;
  const auto below = positions.lower_bound(pointer + "/");
  if (below != positions.end() && below->first.starts_with(pointer + "/")) return below->second;
  return {};
}

}  // namespace

std::vector<int> lines_kept(std::string_view before, std::string_view now) {
  const auto a = split_lines(before), b = split_lines(now);
  std::vector<int> kept(b.size(), 0);
  std::size_t first = 0, last = 0;  // equal lines at both ends
  while (first < a.size() && first < b.size() && a[first] == b[first]) ++first;
  while (last < a.size() - first && last < b.size() - first && a[a.size() - 1 - last] == b[b.size() - 1 - last]) ++last;
  for (std::size_t i = 0; i < first; ++i) kept[i] = static_cast<int>(i) + 1;
  for (std::size_t i = 1; i <= last; ++i) kept[b.size() - i] = static_cast<int>(a.size() - i) + 1;
  // Between them the longest common subsequence: length[i][j] of what is left from a[i] and b[j] on.
  const std::size_t rows = a.size() - first - last, columns = b.size() - first - last;
  if (rows == 0 || columns == 0 || rows * columns > kMostCells) return kept;
  std::vector<std::uint32_t> length((rows + 1) * (columns + 1), 0);
  const auto cell = [&](std::size_t i, std::size_t j) -> std::uint32_t& { return length[i * (columns + 1) + j]; };
  for (std::size_t i = rows; i-- > 0;)
    for (std::size_t j = columns; j-- > 0;)
      cell(i, j) = a[first + i] == b[first + j] ? cell(i + 1, j + 1) + 1 : std::max(cell(i + 1, j), cell(i, j + 1));
  for (std::size_t i = 0, j = 0; i < rows && j < columns;) {
    if (a[first + i] == b[first + j]) {
      kept[first + j++] = static_cast<int>(first + i++) + 1;
    } else {
      ++(cell(i + 1, j) >= cell(i, j + 1) ? i : j);
    }
  }
  return kept;
}

std::vector<std::string> attributes_of(const Resource& resource, const Snapshot& snapshot, const std::string& pointer) {
  const auto asked = asked_of(resource, snapshot);
  if (!asked) return {};
  for (const bool gone : {true, false}) {
    const auto other = variant(resource, pointer, gone);
    const auto without = other == nullptr ? std::nullopt : asked_of(*other, snapshot);
    if (!without) continue;
    if (auto names = differences(*asked, *without); !names.empty()) return names;
  }
  // A parent that is not declared cannot be asked for, so the name of this one cannot be tried with another.
  if (pointer == "/spec/parentDN") return {"distinguishedName"};
  for (const ReferenceRule& rule : reference_rules())
    if (rule.kind == resource.key.kind && rule.path == pointer && rule.target_kind == "OrganizationalUnit")
      return {"distinguishedName"};
  return {};
}

std::vector<OtherAttribute> attributes_elsewhere(const Resource& resource, const Snapshot& snapshot,
                                                 const std::string& pointer) {
  const auto other = variant(resource, pointer, true);
  if (other == nullptr) return {};
  std::vector<OtherAttribute> found;
  for (const ReferenceRule& rule : reference_rules()) {
    if (rule.kind != resource.key.kind) continue;
    const auto name = name_at(rule, resource, pointer);
    const Resource* target = name ? snapshot.find({std::string(rule.target_kind), resource.key.ns, *name}) : nullptr;
    const auto asked = target == nullptr ? std::nullopt : asked_of(*target, snapshot);
    if (!asked) continue;
    Snapshot without = snapshot;
    without.resources.set(resource.key, other);
    const auto then = asked_of(*target, without);
    if (!then) continue;
    for (std::string& attribute : differences(*asked, *then)) found.push_back({target->key, std::move(attribute)});
  }
  return found;
}

Result<Origins> origins_of(const Resource& resource, const Snapshot& snapshot, const Revisions* revisions,
                           const std::filesystem::path& folder) {
  Origins origins;
  PLUMB_TRY(const Lines lines, lines_of(resource.at.file, revisions, folder));
  origins.no_history = lines.no_history;
  const auto positions = manifest::positions(resource, *lines.content);
  for (const auto& [name, value] : resource.annotations) {
    origins.values.push_back({});
    origins.values.back().pointer = "/metadata/annotations/" + pointer_token(name);
    origins.values.back().value = canonical(Value(value));
  }
  add_values(resource.spec, "/spec", origins.values);
  for (Origin& origin : origins.values) {
    origin.attributes = attributes_of(resource, snapshot, origin.pointer);
    if (origin.attributes.empty()) origin.elsewhere = attributes_elsewhere(resource, snapshot, origin.pointer);
    origin.at = place_of(positions, origin.pointer);
    if (!origin.at || lines.blame == nullptr) continue;
    const auto line = static_cast<std::size_t>(origin.at->line);
    const int committed = line >= 1 && line <= lines.committed.size() ? lines.committed[line - 1] : 0;
    const Commit* commit = lines.blame->of_line(committed);
    origin.uncommitted = commit == nullptr;
    if (commit != nullptr) origin.commit = *commit;
  }
  return origins;
}

}  // namespace plumb::app
