#include "controller/adapters/ldap/writer.h"

#include <algorithm>
#include <list>

#include "controller/adapters/ldap/encode.h"
#include "controller/adapters/ldap/faults.h"
#include "controller/base/text.h"
#include "controller/model/dn.h"

namespace plumb::ldap {
namespace {

constexpr const char* kMarker = "adminDescription";

std::string target_of(const DirectoryWrite& write) { return fmt::format("<GUID={}>", write.id); }

std::string attempted(const DirectoryWrite& write) {
  const char* verb = "";
  switch (write.kind) {
    case DirectoryWrite::Kind::add: verb = "adding"; break;
    case DirectoryWrite::Kind::modify: verb = "changing"; break;
    case DirectoryWrite::Kind::move: verb = "moving"; break;
    case DirectoryWrite::Kind::remove: verb = "removing"; break;
  }
  return fmt::format("{} {}", verb, printable(write.dn));
}

bool carries_secret(const DirectoryWrite& write) {
  return std::any_of(write.changes.begin(), write.changes.end(), [](const auto& change) { return change.secret; });
}

// A server's text about a password could hold it: never repeated if it does.
std::string without_secrets(std::string text, const DirectoryWrite& write) {
  for (const Modification& change : write.changes)
    if (change.secret && !change.secret->empty() && text.find(change.secret->reveal()) != std::string::npos)
      text = "(the server's text holds a sensitive value)";
  return text;
}

// Samba calls a link to an id that no object has (any more) a syntax error where it is to be removed.
bool names_by_id(const DirectoryWrite& write) {
  return std::any_of(write.changes.begin(), write.changes.end(), [](const Modification& change) {
    return change.op == Modification::Op::remove &&
           std::any_of(change.values.begin(), change.values.end(),
                       [](const std::string& value) { return value.starts_with("<GUID="); });
  });
}

// A modification as libldap takes it; the values are borrowed from the write.
class Mods {
 public:
  Result<void> append(const Modification& change, bool add_entry) {
    Item& item = items_.emplace_back();
    item.mod.mod_op = LDAP_MOD_BVALUES;
    if (!add_entry) {
      switch (change.op) {
        case Modification::Op::add: item.mod.mod_op |= LDAP_MOD_ADD; break;
        case Modification::Op::remove: item.mod.mod_op |= LDAP_MOD_DELETE; break;
        case Modification::Op::replace: item.mod.mod_op |= LDAP_MOD_REPLACE; break;
      }
    }
    item.mod.mod_type = const_cast<char*>(change.attribute.c_str());
    if (change.secret) {
      if (equals_ignoring_case(change.attribute, "unicodePwd")) {
        PLUMB_TRY(item.encoded, unicode_password(*change.secret));
        item.add(item.encoded.reveal());
      } else {
        item.add(change.secret->reveal());
      }
    } else {
      for (const std::string& value : change.values) item.add(value);
    }
    for (berval& value : item.values) item.pointers.push_back(&value);
    item.pointers.push_back(nullptr);
    // Without values: remove all of them; for replace an empty list says the same.
    item.mod.mod_bvalues = item.values.empty() ? nullptr : item.pointers.data();
    mods_.push_back(&item.mod);
    return {};
  }
  LDAPMod** list() {
    mods_.push_back(nullptr);
    return mods_.data();
  }

 private:
  struct Item {
    LDAPMod mod{};
    Secret encoded;
    std::list<berval> values;
    std::vector<berval*> pointers;
    void add(std::string_view bytes) { values.push_back({bytes.size(), const_cast<char*>(bytes.data())}); }
  };
  std::list<Item> items_;
  std::vector<LDAPMod*> mods_;
};

}  // namespace

std::vector<Result<std::string>> Writer::write(std::span<const DirectoryWrite> writes) {
  writes_ = writes;
  results_.assign(writes.size(), std::nullopt);
  parents_.assign(writes.size(), {});
  for (std::size_t i = 0; i < writes.size(); ++i) {
    const DirectoryWrite& write = writes[i];
    const bool rename = write.kind == DirectoryWrite::Kind::move && write.new_parent.empty();
    if (carries_secret(write) && !connection_.encrypted())
      finish(i, fail(Fault::invalid, "{}: a secret is never sent over a connection that is not encrypted",
                     attempted(write)));
    else if (write.kind != DirectoryWrite::Kind::add && !guid_bytes(write.id))
      finish(i, fail(Fault::internal, "{}: addressed by \"{}\", which is not an id", attempted(write),
                     printable(write.id)));
    else
      waiting_.push_back({i, rename ? Step::ask_place : Step::write});
  }
  run();
  std::vector<Result<std::string>> answers;
  answers.reserve(writes.size());
  for (auto& result : results_) answers.push_back(std::move(*result));
  return answers;
}

void Writer::run() {
  while (!waiting_.empty() || !in_flight_.empty()) {
    while (!waiting_.empty() && in_flight_.size() < options_.writes_in_flight) {
      if (deadline_.left(clock_.steady()) <= Duration::zero() && in_flight_.empty())
        return give_up(Error{Fault::timeout, "the time for the writes is over", {}});
      const Request request = waiting_.front();
      auto id = send(request);
      if (!id) {
        // What was refused here concerns that write alone; a failed connection concerns all.
        if (id.error().fault == Fault::unavailable) return give_up(id.error());
        waiting_.pop_front();
        finish(request.index, Failure(std::move(id).error()));
        continue;
      }
      waiting_.pop_front();
      in_flight_.emplace(*id, request);
    }
    if (in_flight_.empty()) continue;
    const auto answer = connection_.next(LDAP_RES_ANY, deadline_);
    if (!answer) return give_up(answer.error());
    handle(*answer);
  }
}

Result<int> Writer::send(const Request& request) {
  const DirectoryWrite& write = writes_[request.index];
  switch (request.step) {
    case Step::write: return send_write(request.index);
    case Step::ask_place: return send_question(target_of(write), false);
    case Step::ask_id: return send_question(write.dn, true);
  }
  return fail(Fault::internal, "no such step");
}

Result<int> Writer::sent(int code, int id) {
  if (code == LDAP_SUCCESS) {
    connection_.count_request();
    return id;
  }
  if (code == LDAP_ENCODING_ERROR || code == LDAP_PARAM_ERROR || code == LDAP_INVALID_DN_SYNTAX)
    return fail(Fault::invalid, "the request cannot be encoded: {}", ldap_err2string(code));
  return Failure(connection_.sending_failed(code));
}

Result<int> Writer::send_question(const std::string& base, bool with_marker) {
  std::string guid = "objectGUID", marker = kMarker;
  char* attributes[] = {guid.data(), with_marker ? marker.data() : nullptr, nullptr};
  int id = 0;
  const int rc = ldap_search_ext(connection_.handle(), base.c_str(), LDAP_SCOPE_BASE, "(objectClass=*)", attributes, 0,
                                 nullptr, nullptr, nullptr, LDAP_NO_LIMIT, &id);
  return sent(rc, id);
}

Result<int> Writer::send_write(std::size_t index) {
  const DirectoryWrite& write = writes_[index];
  int id = 0;
  switch (write.kind) {
    case DirectoryWrite::Kind::add:
    case DirectoryWrite::Kind::modify: return send_add_or_modify(write);
    case DirectoryWrite::Kind::move: return send_move(index);
    case DirectoryWrite::Kind::remove: {
      const int rc = ldap_delete_ext(connection_.handle(), target_of(write).c_str(), nullptr, nullptr, &id);
      return sent(rc, id);
    }
  }
  return fail(Fault::internal, "no such kind of write");
}

Result<int> Writer::send_add_or_modify(const DirectoryWrite& write) {
  const bool add = write.kind == DirectoryWrite::Kind::add;
  if (write.changes.empty()) return fail(Fault::internal, "{}: nothing to write", attempted(write));
  Mods mods;
  // Removing comes before adding, else a single-valued attribute would have two values in between (20).
  for (const bool removing : {true, false})
    for (const Modification& change : write.changes) {
      if ((change.op == Modification::Op::remove) != removing) continue;
      if (add && change.op != Modification::Op::add)
        return fail(Fault::internal, "{}: a new entry has only values to add", attempted(write));
      PLUMB_CHECK(mods.append(change, add));
    }
  int id = 0;
  const int rc =
      add ? ldap_add_ext(connection_.handle(), write.dn.c_str(), mods.list(), nullptr, nullptr, &id)
          : ldap_modify_ext(connection_.handle(), target_of(write).c_str(), mods.list(), nullptr, nullptr, &id);
  return sent(rc, id);
}

// Samba takes <GUID=...> for a rename only with a new parent, which is then always named.
Result<int> Writer::send_move(std::size_t index) {
  const DirectoryWrite& write = writes_[index];
  const std::string parent = write.new_parent.empty() ? parents_[index] : write.new_parent;
  std::string rdn = write.new_rdn;
  if (rdn.empty()) {
    PLUMB_TRY(const auto dn, Dn::parse(write.dn));
    if (dn.empty()) return fail(Fault::internal, "a move without a name");
    rdn = rdn_text(dn.leaf().attribute, dn.leaf().value);
  }
  int id = 0;
  const int rc = ldap_rename(connection_.handle(), target_of(write).c_str(), rdn.c_str(), parent.c_str(), 1, nullptr,
                             nullptr, &id);
  return sent(rc, id);
}

void Writer::handle(const Answer& answer) {
  const auto found = in_flight_.find(answer.id);
  if (found == in_flight_.end()) return;  // of a request that was given up
  const Request request = found->second;
  if (answer.type == LDAP_RES_SEARCH_ENTRY) return handle_question(request, answer);
  in_flight_.erase(found);
  if (request.step == Step::write) return handle_write(request, answer);
  if (answer.type != LDAP_RES_SEARCH_RESULT) return;
  const Outcome outcome = connection_.outcome(answer);
  if (request.step == Step::ask_id) {
    if (!results_[request.index]) finish(request.index, std::string{});  // added; the id is not known
  } else if (parents_[request.index].empty() && !results_[request.index]) {
    finish(request.index, Failure(fault_of(outcome.code == LDAP_SUCCESS ? LDAP_NO_SUCH_OBJECT : outcome.code,
                                           outcome.diagnostic, attempted(writes_[request.index]))));
  }
}

void Writer::handle_write(const Request& request, const Answer& answer) {
  const DirectoryWrite& write = writes_[request.index];
  const Outcome outcome = connection_.outcome(answer);
  if (outcome.code != LDAP_SUCCESS) {
    Error error = fault_of(outcome.code, without_secrets(outcome.diagnostic, write), attempted(write));
    if (outcome.code == LDAP_INVALID_SYNTAX && names_by_id(write)) error.fault = Fault::conflict;
    finish(request.index, Failure(std::move(error)));
  } else if (write.kind == DirectoryWrite::Kind::add) {
    waiting_.push_front({request.index, Step::ask_id});
  } else {
    finish(request.index, write.id);
  }
}

void Writer::handle_question(const Request& request, const Answer& answer) {
  const DirectoryWrite& write = writes_[request.index];
  LDAP* const ldap = connection_.handle();
  const auto value_of = [&](const char* name) {
    berval** values = ldap_get_values_len(ldap, answer.message.get(), name);
    std::string value =
        values != nullptr && values[0] != nullptr ? std::string(values[0]->bv_val, values[0]->bv_len) : "";
    ldap_value_free_len(values);
    return value;
  };
  if (request.step == Step::ask_id) {
    // Another object may have the name by now; the marker of ours says that it is the one.
    std::string id = guid_text(value_of("objectGUID"));
    for (const Modification& change : write.changes)
      if (equals_ignoring_case(change.attribute, kMarker) && !change.values.empty() &&
          change.values.front() != value_of(kMarker))
        id.clear();
    finish(request.index, std::move(id));
    return;
  }
  char* text = ldap_get_dn(ldap, answer.message.get());
  const auto is = Dn::parse(text == nullptr ? "" : text);
  const auto was = Dn::parse(write.dn);
  ldap_memfree(text);
  if (!is || !was || is->empty() || is->parent().key() != was->parent().key()) {
    finish(request.index, fail(Fault::conflict, "{}: it was moved by someone else meanwhile", attempted(write)));
    return;
  }
  parents_[request.index] = is->parent().text();
  waiting_.push_front({request.index, Step::write});
}

void Writer::give_up(const Error& error) {
  broken_ = true;
  for (const auto& [id, request] : in_flight_) {
    if (results_[request.index]) continue;
    if (request.step == Step::ask_id)
      finish(request.index, std::string{});  // the add itself was acknowledged
    else if (request.step == Step::ask_place)
      finish(request.index,
             fail(Fault::unavailable, "{}: nothing was sent: {}", attempted(writes_[request.index]), error.message));
    else
      finish(request.index,
             fail(Fault::timeout, "{}: the outcome is unknown: {}", attempted(writes_[request.index]), error.message));
  }
  for (const Request& request : waiting_) {
    if (results_[request.index]) continue;
    if (request.step == Step::ask_id)
      finish(request.index, std::string{});
    else
      finish(request.index,
             fail(Fault::unavailable, "{}: nothing was sent: {}", attempted(writes_[request.index]), error.message));
  }
  in_flight_.clear();
  waiting_.clear();
}

}  // namespace plumb::ldap
