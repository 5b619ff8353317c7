#include "controller/model/secret_source.h"

#include <gtest/gtest.h>
#include <boost/json/parse.hpp>

namespace plumb {
namespace {

std::string reference(const std::string& json) {
  const auto made = secret_reference(boost::json::parse(json));
  return made ? *made : "! " + made.error().message;
}

TEST(SecretSource, EachKindHasItsReference) {
  const std::string digest(64, 'a');
  EXPECT_EQ(reference(R"({"env": "NAME"})"), "env:NAME");
  EXPECT_EQ(reference(R"({"file": "/run/secret"})"), "file:/run/secret");
  EXPECT_EQ(reference(R"({"systemd": "token"})"), "systemd:token");
  EXPECT_EQ(reference(R"({"sops": {"file": "s.yaml", "key": "/a/b", "sha256": ")" + digest + R"("}})"),
            "sops:" + digest + "#/a/b");
  EXPECT_EQ(reference(R"({"vault": {"path": "kv/app/x", "key": "token"}})"), "vault:kv/app/x#token");
  EXPECT_EQ(reference(R"({"vault": {"path": "kv/app", "key": "token", "version": 3}})"),
            "vault:kv/app#token?version=3");
}

TEST(SecretSource, ExactlyOneIsNeeded) {
  for (const std::string bad : {"null", "\"env:X\"", "{}", R"({"env": "A", "file": "/b"})", R"({"http": "x"})"})
    EXPECT_EQ(reference(bad).substr(0, 2), "! ") << bad;
}

TEST(SecretSource, WhatWouldBecomeAnotherReferenceIsRefused) {
  for (const std::string bad : {
           R"({"env": ""})",
           R"({"env": 3})",
           R"({"env": "A#b"})",
           R"({"file": "relative"})",
           R"({"file": "/a\nb"})",
           R"({"systemd": "../x"})",
           R"({"sops": {"file": "s.yaml", "key": "/a"}})",
           R"({"sops": {"file": "s.yaml", "key": "a", "sha256": "00"}})",
           R"({"sops": {"file": "s.yaml", "key": "/a", "sha256": "XY"}})",
           R"({"vault": {"path": "kv", "key": "a"}})",
           R"({"vault": {"path": "kv/a#b", "key": "a"}})",
           R"({"vault": {"path": "kv/a", "key": "a?version=1"}})",
           R"({"vault": {"path": "kv/a", "key": "a", "version": 0}})",
           R"({"vault": {"path": "kv/a", "key": "a", "version": "1"}})",
       })
    EXPECT_EQ(reference(bad).substr(0, 3), "! /") << bad;
}

TEST(SecretSource, OfASpecIsNamedByItsPointer) {
  const Value spec = boost::json::parse(R"({"a": {"env": "X"}, "b": {"file": "relative"}})");
  EXPECT_EQ(*secret_reference_at(spec, "/a"), "env:X");
  EXPECT_EQ(*secret_reference_at(spec, "/none"), "");
  EXPECT_EQ(secret_reference_at(spec, "/b").error().message.substr(0, 14), "/spec/b: /file");
}

}  // namespace
}  // namespace plumb
