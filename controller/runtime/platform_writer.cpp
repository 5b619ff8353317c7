#include "controller/runtime/platform_writer.h"

#include <algorithm>

#include <fmt/format.h>

#include "controller/base/text.h"
#include "controller/runtime/platform_shape.h"

namespace plumb::runtime {
namespace {

constexpr std::string_view kSecret = "secret.", kService = "$service.";
constexpr std::string_view kBlocks[] = {"authentication", "proxyOverride"};

Value new_service(const std::string& name, const std::string& version_id) {
  return {{"name", name},
          {"model", "@itential/adapter_" + version_id},
          {"type", "Adapter"},
          {"properties",
           {{"id", name},
            {"type", version_id},
            {"brokers", Array()},
            {"groups", Array()},
            {"properties", {{"authentication", Object()}}}}},
          {"virtual", true}};
}

std::string block_of(const std::string& path) { return path.substr(0, path.find('.')); }

std::string shown(const std::vector<std::string>& values) {
  return values.empty() ? "not set" : fmt::format("\"{}\"", printable(join(values, "\", \"")));
}

}  // namespace

Outcome PlatformWriter::write(const Change& change, const std::string& operation, Deadline deadline) {
  const bool model = change.key.kind == "IntegrationModel";
  if (change.does(Action::create))
    return {model ? create_model(change, operation, deadline) : create_integration(change, operation, deadline)};
  if (change.does(Action::remove))
    return {model ? remove_model(change, deadline) : remove_integration(change, deadline)};
  if (change.fields.empty() && !change.does(Action::move)) return {change.id};
  return model ? update_model(change, deadline) : update_integration(change, deadline);
}

Result<void> PlatformWriter::set_secret(Value& settings, const std::string& path, const std::string& noted) {
  PLUMB_TRY(const Secret secret, parts_.secrets.fetch(reference_in(noted)));
  std::string text = platform_secret(path, secret);
  const std::string hash = reader_.hash(path, text);
  const Value* const note = noted_secret(settings, path);
  const Value* const now = find_path(settings, path);
  const bool there = now != nullptr && (*now == Value("") || *now == Value(text));
  const bool same = there && note != nullptr && text_at(*note, "/hmac") == hash;
  Value& mark = settings.as_object()[kPlatformMark];
  if (!mark.is_object()) mark = Object();
  Value& notes = mark.get_object()["secrets"];
  if (!notes.is_object()) notes = Object();
  notes.get_object()[path] = {{"ref", noted}, {"hmac", hash}};
  // The same secret under another reference: it stays where it is.
  if (!same) set_path(settings, path, Value(text));
  wipe(text);
  return {};
}

Result<void> PlatformWriter::set_field(Value& service, const FieldChange& field) {
  Value& settings = settings_in(service);
  if (field.name.starts_with(kSecret)) {
    const std::string path = field.name.substr(kSecret.size());
    if (!field.added.empty()) return set_secret(settings, path, field.added.front());
    erase_path(settings, path);
    if (noted_secret(settings, path) != nullptr)
      settings.as_object()[kPlatformMark].as_object()["secrets"].as_object().erase(path);
    return {};
  }
  const bool around = field.name.starts_with(kService);
  Value& document = around ? service : settings;
  const std::string path = around ? field.name.substr(kService.size()) : field.name;
  if (block_of(path) == kPlatformMark) return fail(Fault::denied, "{} is Plumbline's own", kPlatformMark);
  if (field.added.empty()) {
    erase_path(document, path);
  } else {
    set_path(document, path, attribute_value(field.added.front()));
  }
  return {};
}

Result<std::string> PlatformWriter::create_integration(const Change& change, const std::string& operation,
                                                       Deadline deadline) {
  const PlatformPlace place = platform_place(change.handle);
  Value service = new_service(place.integration, place.version_id);
  Value& settings = settings_in(service);
  settings.get_object()[kPlatformMark] = {
      {"name", place.integration}, {"marker", parts_.mark(operation)}, {"secrets", Object()}};
  for (const FieldChange& field : change.fields) PLUMB_CHECK(set_field(service, field));
  auto made = client_.create_integration(service, deadline);
  overwrite(service);
  if (!made) return Failure(std::move(made).error());
  const std::string name = text_at(*made, "/name").value_or(place.integration);
  if (name == place.integration) return "integration:" + operation;
  // Under another name it would never be found again as what was declared.
  auto removed = client_.remove_integration(name, deadline);
  return fail(Fault::invalid, "{}: the Platform named it \"{}\" in place of \"{}\"; {}. Use a name that it keeps",
              change.key, printable(name), place.integration,
              removed ? std::string("it was removed again") : "removing it failed: " + removed.error().message);
}

// What of the change is not there yet. Somebody may have changed the object since it was planned.
Result<std::vector<FieldChange>> PlatformWriter::still_to_do(const Change& change, const Value& service) const {
  const std::string id = reader_.integration_id(service);
  if (id != change.id) return fail(Fault::conflict, "{}: {} was replaced by another one", change.key, change.handle);
  const auto now = reader_.attributes(service);
  std::vector<FieldChange> fields;
  for (const FieldChange& field : change.fields) {
    const auto found = now.find(field.name);
    const std::vector<std::string> values =
        found == now.end() ? std::vector<std::string>() : std::vector<std::string>{found->second};
    if (values == field.added) continue;
    if (values != field.removed)
      return fail(Fault::conflict, "{}: {} is now {}, and was {} in the plan", change.key, field.name, shown(values),
                  shown(field.removed));
    fields.push_back(field);
  }
  return fields;
}

Result<void> PlatformWriter::fill_hidden(Value& settings, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    const Value* const note = noted_secret(settings, path);
    if (note == nullptr) continue;
    PLUMB_TRY(const Secret secret, parts_.secrets.fetch(reference_in(text_at(*note, "/ref").value_or(""))));
    std::string text = platform_secret(path, secret);
    // Its source may have another value since: that is what would be written, so that is what is noted.
    const std::string hash = reader_.hash(path, text);
    settings.as_object()[kPlatformMark].as_object()["secrets"].as_object()[path].as_object()["hmac"] = hash;
    set_path(settings, path, Value(text));
    wipe(text);
  }
  return {};
}

Result<void> PlatformWriter::send(const std::string& name, const Value& service, bool whole, Deadline deadline) {
  if (whole) return client_.replace_integration(name, service, deadline);
  return client_.replace_settings(name, *at(service, "/properties/properties"), deadline);
}

Result<void> PlatformWriter::confirm(const Change& change, const std::vector<FieldChange>& fields,
                                     const Value& back) const {
  const auto now = reader_.attributes(back);
  for (const FieldChange& field : fields) {
    const auto found = now.find(field.name);
    const std::vector<std::string> values =
        found == now.end() ? std::vector<std::string>() : std::vector<std::string>{found->second};
    if (values != field.added)
      return fail(Fault::conflict, "{}: the Platform took the change of {}, and has {} all the same", change.key,
                  field.name, shown(values));
  }
  return {};
}

Outcome PlatformWriter::update_integration(const Change& change, Deadline deadline) {
  if (change.does(Action::move))
    return {fail(
        Fault::denied,
        "{}: a Platform cannot give an integration another model; declare one of another name, and remove this one",
        change.key)};
  const std::string name = platform_place(change.handle).integration;
  auto service = client_.integration(name, deadline);
  if (!service) return {Failure(std::move(service).error())};
  auto fields = still_to_do(change, *service);
  if (!fields) return {Failure(std::move(fields).error())};
  if (fields->empty()) return {change.id};
  const Value before = *service;
  const std::vector<std::string> hidden = hidden_paths(settings_in(*service));
  const bool whole = std::ranges::any_of(*fields, [](const auto& each) { return each.name.starts_with(kService); });
  // Hidden values that go along in a block that is written, as it would be wiped by what was read. A block that is not
  // written is left out, unless this Platform is known to forget what is.
  std::vector<std::string> filled;
  for (const std::string& path : hidden)
    if (forgets_ || touches_block(*fields, block_of(path))) filled.push_back(path);
  if (auto done = fill_hidden(settings_in(*service), filled); !done) return {Failure(std::move(done).error())};
  for (const FieldChange& field : *fields)
    if (auto done = set_field(*service, field); !done) return {Failure(std::move(done).error())};
  Value sent = *service;
  for (const std::string_view block : kBlocks)
    if (!forgets_ && !touches_block(*fields, block)) settings_in(sent).get_object().erase(block);
  auto done = send(name, sent, whole, deadline);
  if (!done) {
    overwrite(sent);
    overwrite(*service);
    return {Failure(std::move(done).error())};
  }
  auto back = client_.integration(name, deadline);
  if (back && !forgets_) {
    // What was left out has to be there still.
    const bool lost = std::ranges::any_of(kBlocks, [&](std::string_view block) {
      return find_path(*at(before, "/properties/properties"), block) != nullptr && !touches_block(*fields, block) &&
             find_path(settings_in(*back), block) == nullptr;
    });
    if (lost) {
      forgets_ = true;
      auto refill = fill_hidden(settings_in(*service), hidden);
      auto again = refill ? send(name, *service, whole, deadline) : std::move(refill);
      if (!again)
        return {in_context("the Platform forgot the credential, and putting it back failed", again.error()), true};
      back = client_.integration(name, deadline);
    }
  }
  overwrite(sent);
  overwrite(*service);
  if (!back) return {in_context("reading back", std::move(back).error()), true};
  if (auto kept = confirm(change, *fields, *back); !kept) return {Failure(std::move(kept).error()), true};
  return {change.id};
}

Result<std::string> PlatformWriter::remove_integration(const Change& change, Deadline deadline) {
  const std::string name = platform_place(change.handle).integration;
  const auto service = client_.integration(name, deadline);
  if (!service && service.error().fault == Fault::not_found) return change.id;
  if (!service) return Failure(service.error());
  if (reader_.integration_id(*service) != change.id)
    return fail(Fault::conflict, "{}: {} was replaced by another one", change.key, change.handle);
  if (reader_.operation_of_integration(*service).empty())
    return fail(Fault::denied, "{}: {} does not carry the mark of an object that Plumbline created", change.key,
                change.handle);
  auto removed = client_.remove_integration(name, deadline);
  if (!removed && removed.error().fault != Fault::not_found) return Failure(std::move(removed).error());
  return change.id;
}

}  // namespace plumb::runtime
