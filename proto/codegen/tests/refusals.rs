//! What the build refuses; each error names the element. Each row makes one change to a sound contract.

use inboxops_codegen::{Error, Model, load};
use std::{fs, path::Path};

const SOUND: &str = r#"
syntax = "proto3";
package inboxops.v1;
import "google/api/annotations.proto";
import "google/protobuf/field_mask.proto";
import "inboxops/v1/options.proto";
// Things.
service ThingService {
  // Get a thing.
  rpc GetThing(GetThingRequest) returns (GetThingResponse) {
    option (google.api.http) = {get: "/api/v1/things/{thing_id}"};
    option (policy) = {api_key: "tickets:read"};
    option (rest) = {etag: "data.version"};
  }
  // Change a thing.
  rpc UpdateThing(UpdateThingRequest) returns (UpdateThingResponse) {
    option (google.api.http) = {patch: "/api/v1/things/{thing_id}" body: "thing"};
    option (policy) = {session: ROLE_ADMIN};
  }
}
// Color of a thing.
enum ThingColor {
  // Not set.
  THING_COLOR_UNSPECIFIED = 0;
  // Red.
  THING_COLOR_DARK_RED = 1;
}
// A thing.
message Thing {
  // Its version.
  uint32 version = 1;
  // Its color.
  optional ThingColor type = 2;
  // Its name.
  optional string name = 3 [(rules) = {max_len: 9 format: "email"}];
}
// Request of GetThing.
message GetThingRequest {
  // Id.
  string thing_id = 1;
  // Names.
  repeated string names = 2 [(rules) = {csv: true max_items: 3}];
}
// Response of GetThing.
message GetThingResponse {
  // The thing.
  Thing thing = 1 [json_name = "data"];
}
// Request of UpdateThing.
message UpdateThingRequest {
  // Id.
  string thing_id = 1;
  // New values.
  Thing thing = 2;
  // What changes.
  google.protobuf.FieldMask update_mask = 3;
}
// Response of UpdateThing.
message UpdateThingResponse {}
"#;

fn try_load(package: &str, text: &str) -> Result<Model, Error> {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().join("inboxops").join(package);
    fs::create_dir_all(&home).expect("a folder");
    fs::write(home.join("things.proto"), text).expect("a file");
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the folder of the protos");
    load(folder.path(), &[include])
}

fn refusal(package: &str, text: &str) -> Vec<String> {
    match try_load(package, text) {
        Err(Error::Rules(findings)) => findings,
        Err(Error::Source(text)) => panic!("does not compile: {text}"),
        Ok(_) => Vec::new(),
    }
}

#[test]
fn a_sound_contract_is_read_whole() {
    let model = try_load("v1", SOUND).expect("sound");
    let service = &model.services[0];
    assert_eq!((service.field().as_str(), service.comment.as_str()), ("things", "Things."));
    let thing = model.message("inboxops.v1.Thing");
    assert_eq!(thing.fields[1].ident, "r#type");
    assert_eq!(thing.fields[2].rules.max_len, Some(9));
    assert_eq!(model.message("inboxops.v1.GetThingResponse").fields[0].json, "data");
    assert_eq!(model.enumeration("inboxops.v1.ThingColor").values[1].json, "dark_red");
    let (_, rpc, http) = model.routes().nth(1).expect("the second route");
    assert_eq!((http.verb, rpc.ident.as_str(), http.params.len()), ("patch", "update_thing", 1));
    assert_eq!(rpc.policy.as_ref().and_then(|policy| policy.session.as_deref()), Some("Admin"));
    assert_eq!(model.body_message(rpc, http).map(|body| body.name.as_str()), Some("Thing"));
}

#[test]
fn whatever_breaks_a_rule_is_named() {
    let table = [
        ("// Things.", "", "inboxops.v1.ThingService: has no comment"),
        ("// Get a thing.", "", "inboxops.v1.ThingService.GetThing: has no comment"),
        ("// A thing.", "", "inboxops.v1.Thing: has no comment"),
        (
            "uint32 version = 1;",
            "uint32 version = 1 [(rules) = {unset: true}];",
            "inboxops.v1.Thing.version: is never set but cannot be null",
        ),
        (
            "uint32 version = 1;",
            "uint32 version = 1 [(rules) = {alone: true}];",
            "inboxops.v1.Thing: has a field that stands alone beside others",
        ),
        ("// Its name.", "", "inboxops.v1.Thing.name: has no comment"),
        ("// Color of a thing.", "", "inboxops.v1.ThingColor: has no comment"),
        ("// Red.", "", "inboxops.v1.ThingColor.THING_COLOR_DARK_RED: has no comment"),
        ("THING_COLOR_DARK_RED", "DARK_RED", "inboxops.v1.ThingColor.DARK_RED: does not begin with THING_COLOR_"),
        (r#"option (policy) = {api_key: "tickets:read"};"#, "", "inboxops.v1.ThingService.GetThing: has no policy"),
        (r#"{api_key: "tickets:read"}"#, "{}", "inboxops.v1.ThingService.GetThing: has a policy that lets nobody in"),
        (
            r#"{etag: "data.version"}"#,
            "{body_optional: true}",
            "inboxops.v1.ThingService.GetThing: has an optional body whose members are needed",
        ),
        (
            "{session: ROLE_ADMIN}",
            "{session: ROLE_ADMIN spares_sessions: true}",
            "inboxops.v1.ThingService.UpdateThing: spares sessions an entitlement that is not asked of them",
        ),
        ("tickets:read", "x:y", "inboxops.v1.ThingService.GetThing: needs the unknown scope \"x:y\""),
        (
            r#"{api_key: "tickets:read"}"#,
            r#"{api_key: "tickets:read" or_api_key: "x:y"}"#,
            "inboxops.v1.ThingService.GetThing: needs the unknown scope \"x:y\"",
        ),
        (
            r#"{api_key: "tickets:read"}"#,
            r#"{api_key: "any" or_api_key: "tags:read"}"#,
            "inboxops.v1.ThingService.GetThing: has another scope for keys but no first one",
        ),
        (
            "{csv: true",
            r#"{csv: true scopes: "tags:read""#,
            "inboxops.v1.GetThingRequest.names: has scopes that are not those of the values of a list",
        ),
        (
            "{csv: true",
            r#"{csv: true in: "a" scopes: "x:y""#,
            "inboxops.v1.GetThingRequest.names: needs the unknown scope \"x:y\"",
        ),
        ("{csv: true", "{csv: true any_scope: true", "inboxops.v1.GetThingRequest.names: needs any of no scopes"),
        ("format: \"email\"", "format: \"fax\"", "inboxops.v1.Thing.name: has the unknown format \"fax\""),
        ("max_len: 9", "min: 9", "inboxops.v1.Thing.name: has rules of numbers but is none"),
        ("max_len: 9", "max_items: 9", "inboxops.v1.Thing.name: has rules of lists but is none"),
        (
            "{max_len: 9 format: \"email\"}",
            "{json_text: true nullable: true}",
            "inboxops.v1.Thing.name: is JSON text that is read from a body but is no optional object",
        ),
        (
            "{csv: true max_items: 3}",
            "{csv: true json_text: true}",
            "inboxops.v1.ThingService.GetThing: field names cannot be a query parameter",
        ),
        ("max_len: 9", "example: \"x\"", "inboxops.v1.Thing.name: has an example or default that is no JSON: x"),
        (
            "uint32 version",
            "uint64 version",
            "inboxops.v1.Thing.version: is a 64-bit integer, which public messages do not have",
        ),
        ("GetThing(Get", "GetThing(stream Get", "inboxops.v1.ThingService.GetThing: streams from the client"),
        (
            "patch: \"/api/v1/things/{thing_id}\"",
            "get: \"/api/v1/things/{thing_id}\"",
            "inboxops.v1.ThingService.UpdateThing: has the verb and path of inboxops.v1.ThingService.GetThing",
        ),
        (
            "get: \"/api/v1/things/{thing_id}\"",
            "get: \"/api/v1/things/{id}\"",
            "inboxops.v1.ThingService.GetThing: path parameter id is no field of inboxops.v1.GetThingRequest",
        ),
        (
            "body: \"thing\"",
            "body: \"thong\"",
            "inboxops.v1.ThingService.UpdateThing: body thong is no field of inboxops.v1.UpdateThingRequest",
        ),
        (
            "update_mask = 3",
            "mask = 3",
            "inboxops.v1.ThingService.UpdateThing: is a PATCH without a body field and an update_mask",
        ),
        ("csv: true", "", "inboxops.v1.ThingService.GetThing: field names cannot be a query parameter"),
        (
            "uint32 version = 1",
            "uint32 version = 1 [json_name = \"v\"]",
            "inboxops.v1.Thing.version: has a json_name but is read from a body",
        ),
        (
            "data.version",
            "data.size",
            "inboxops.v1.ThingService.GetThing: data.size is no single value of inboxops.v1.GetThingResponse",
        ),
        (
            "option (rest) =",
            r#"option (tool) = {name: "Get" title: "Get" description: "Get." idempotent: true}; option (rest) ="#,
            "inboxops.v1.ThingService.GetThing: is a tool whose name \"Get\" is not lower case words of its own",
        ),
        (
            "option (rest) =",
            r#"option (tool) = {name: "get" idempotent: true}; option (rest) ="#,
            "inboxops.v1.ThingService.GetThing: is a tool without a title and a description",
        ),
        (
            "option (rest) =",
            r#"option (tool) = {name: "get" title: "Get" description: "Get."}; option (rest) ="#,
            "inboxops.v1.ThingService.GetThing: is a tool that reads but is not without effect",
        ),
        (
            "option (rest) =",
            r#"option (tool) = {name: "get" title: "Get" description: "Get." idempotent: true fixed: "1"}; option (rest) ="#,
            "inboxops.v1.ThingService.GetThing: is a tool whose fixed arguments are no JSON object: 1",
        ),
        (
            "option (rest) =",
            r#"option (tool) = {name: "get" title: "Get" description: "Get." idempotent: true shows: "size"}; option (rest) ="#,
            "inboxops.v1.ThingService.GetThing: is a tool that speaks of size, which its answer does not have",
        ),
        (
            "option (policy) = {session: ROLE_ADMIN};",
            r#"option (policy) = {session: ROLE_ADMIN}; option (tool) = {name: "set" title: "Set" description: "Set."};"#,
            "inboxops.v1.ThingService.UpdateThing: is a tool that no key may call",
        ),
        (
            r#"option (google.api.http) = {get: "/api/v1/things/{thing_id}"};"#,
            r#"option (tool) = {name: "get" title: "Get" description: "Get." idempotent: true};"#,
            "inboxops.v1.ThingService.GetThing: is a tool without a REST route that answers once",
        ),
    ];
    for (from, to, expected) in table {
        assert!(SOUND.contains(from), "{from}");
        let found = refusal("v1", &SOUND.replacen(from, to, 1));
        assert!(found.iter().any(|finding| finding == expected), "{from} → {to}: {found:?}");
    }
}

#[test]
fn a_stream_has_a_route_only_beside_a_list_and_by_fields_that_it_has() {
    let list = SOUND.replace(
        "  // Change a thing.\n",
        "  // Follow a thing.\n  rpc Follow(FollowRequest) returns (stream FollowResponse) {\n    option (google.api.http) = \
         {get: \"/api/v1/things/{thing_id}\"};\n    option (policy) = {api_key: \"tickets:read\"};\n    option (rest) = \
         {stream: {id: \"cursor\" event: \"event\" data: \"data\" resume: \"after\"}};\n  }\n  // Change a thing.\n",
    ) + "// Request of Follow.\nmessage FollowRequest {\n  // Id.\n  string thing_id = 1;\n  // Place.\n  optional string \
         after = 2;\n}\n// Message of Follow.\nmessage FollowResponse {\n  // Place.\n  string cursor = 1;\n  // \
         Kind.\n  string event = 2;\n  // Text.\n  string data = 3;\n}\n";
    assert_eq!(refusal("v1", &list), Vec::<String>::new());
    let follow = "inboxops.v1.ThingService.Follow";
    let table = [
        (
            "stream: {id: \"cursor\"",
            "stream: {id: \"place\"",
            "streams place, which is no plain string of inboxops.v1.FollowResponse",
        ),
        (
            "resume: \"after\"",
            "resume: \"at\"",
            "resumes by at, which is no optional string of inboxops.v1.FollowRequest",
        ),
        (
            "{stream: {id: \"cursor\" event: \"event\" data: \"data\" resume: \"after\"}}",
            "{}",
            "has a REST route but streams",
        ),
        ("returns (stream Follow", "returns (Follow", "says how its stream is answered but has none"),
        ("rpc GetThing(", "rpc GetThing(stream ", "inboxops.v1.ThingService.GetThing: streams from the client"),
    ];
    for (from, to, expected) in table {
        assert!(list.contains(from), "{from}");
        let found = refusal("v1", &list.replacen(from, to, 1));
        assert!(found.iter().any(|it| it.ends_with(expected)), "{from} → {to}: {found:?}");
    }
    let elsewhere = list.replacen(
        "rpc Follow(FollowRequest) returns (stream FollowResponse) {\n    option (google.api.http) = {get: \"/api/v1/things/{thing_id}\"}",
        "rpc Follow(FollowRequest) returns (stream FollowResponse) {\n    option (google.api.http) = {get: \"/api/v1/follow/{thing_id}\"}",
        1,
    );
    assert_eq!(refusal("v1", &elsewhere), [format!("{follow}: streams at a path that has no list to get")]);
}

#[test]
fn lines_are_the_answer_of_a_stream_and_reasons_are_of_the_catalogue() {
    let get = "inboxops.v1.ThingService.GetThing";
    let lines = SOUND
        .replace("returns (GetThingResponse)", "returns (stream GetThingResponse)")
        .replace("{etag: \"data.version\"}", "{lines: \"{}\" reasons: [\"CONFLICT\"]}");
    assert_eq!(refusal("v1", &lines), Vec::<String>::new());
    let table = [
        ("returns (stream GetThing", "returns (GetThing", "is answered in lines but is no stream of its own to get"),
        ("CONFLICT", "LOST", "is refused for the unknown reason \"LOST\""),
    ];
    for (from, to, expected) in table {
        assert!(lines.contains(from), "{from}");
        let found = refusal("v1", &lines.replacen(from, to, 1));
        assert_eq!(found, [format!("{get}: {expected}")], "{from} → {to}");
    }
    let shared =
        SOUND.replacen("Thing thing = 1 [json_name = \"data\"]", "Thing thing = 1 [(rules) = {shown_as: \"data\"}]", 1);
    let found = refusal("v1", &shared);
    let expected = "inboxops.v1.GetThingResponse.thing: shares its name but is not omitted when absent";
    assert!(found.iter().any(|it| it == expected), "{found:?}");
}

#[test]
fn routes_belong_to_the_public_package() {
    let text = SOUND.replace("package inboxops.v1", "package inboxops.admin.v1");
    let text = ["(policy)", "(rest)", "(rules)"]
        .iter()
        .fold(text, |text, option| text.replace(option, &option.replace('(', "(inboxops.v1.")));
    let found = refusal("admin/v1", &text);
    let expected = "inboxops.admin.v1.ThingService.GetThing: has a REST route outside inboxops.v1";
    assert!(found.iter().any(|finding| finding == expected), "{found:?}");
}

#[test]
fn the_contract_of_this_repository_is_sound() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the folder of the protos");
    let model = load(source, &[]).unwrap_or_else(|error| panic!("{error}"));
    assert!(model.routes().count() > 20);
    let fields: Vec<String> = model.services.iter().map(|service| service.field()).collect();
    for field in ["tickets", "inboxes", "identity", "deliveries", "api_keys", "service_tokens", "dispatch"] {
        assert!(fields.iter().any(|name| name == field), "{field} in {fields:?}");
    }
}
