//! The tenant's words: packages and replies as JSON, in the shapes that live tenants send.
#![forbid(unsafe_code)]

use serde_json::{Value, json};

/// The session of every login here.
pub const SESSION: &str = "8vwknPnxZ0ywsj95Y6-uK1kI";

/// The envelope around what a successful call says.
pub fn ok(result: Value) -> Value {
    json!({
        "success": true, "Result": result, "Message": null, "MessageID": null, "Exception": null,
        "ErrorID": null, "ErrorCode": null, "IsSoftError": false, "InnerExceptions": null
    })
}

/// The envelope of every failure. There is no other reason in it for any of them.
pub fn failed() -> Value {
    json!({
        "success": false, "Result": {"Summary": "Failure"},
        "Message": "Authentication (login or challenge) has failed. Please try again.",
        "MessageID": null, "Exception": null, "ErrorID": "9e3f77bc-2467-46d3-ab3f-96a34a923de8:68f2",
        "ErrorCode": null, "IsSoftError": false, "InnerExceptions": null
    })
}

/// A reply that has nothing but a summary.
pub fn summary(summary: &str) -> Value {
    ok(json!({"Summary": summary}))
}

/// A reply that names the operation that it is about.
pub fn about(mechanism: &str, summary: &str) -> Value {
    ok(json!({"Summary": summary, "ResultAppliesTo": mechanism}))
}

/// `LoginSuccess` for this user.
pub fn success(user: &str) -> Value {
    ok(json!({
        "AuthLevel": "Normal", "DisplayName": "Alice", "Auth": "F67AFC", "Token": "eyJ",
        "UserId": "11111111-2222-3333-4444-555555555555", "EmailAddress": "alice@mail.test",
        "UserDirectory": "CDS", "PodFqdn": "tenant.test", "User": user, "CustomerID": "ABC1234",
        "SystemID": "ABC1234", "SourceDsType": "CDS", "Summary": "LoginSuccess"
    }))
}

/// `OobPending` with a number to match.
pub fn number(number: Value) -> Value {
    ok(json!({"Summary": "OobPending", "GeneratedAuthValue": number}))
}

/// A package: for each challenge the names of its mechanisms, separated by blanks.
pub fn package(challenges: &[&str]) -> Value {
    package_of(challenges.iter().map(|names| names.split(' ').map(mechanism).collect()).collect())
}

/// A package of these mechanisms.
pub fn package_of(challenges: Vec<Vec<Value>>) -> Value {
    let challenges: Vec<_> =
        challenges.into_iter().map(|mechanisms| json!({"Mechanisms": mechanisms})).collect();
    ok(json!({
        "ClientHints": {"PersistDefault": false, "AllowPersist": true}, "Version": "1.0",
        "SessionId": SESSION, "EventDescription": null, "RetryWaitingTime": 0,
        "SecurityImageName": null, "AllowLoginMfaCache": false, "Challenges": challenges,
        "Summary": "NewPackage", "TenantId": "ABC1234"
    }))
}

/// A mechanism as it is usually offered. Its id is `id-` and its name.
pub fn mechanism(name: &str) -> Value {
    let answer = match name {
        "UP" | "SQ" | "RADIUS" | "RESET" => "Text",
        "PF" | "QR" | "U2F" => "StartOob",
        _ => "StartTextOob",
    };
    json!({
        "AnswerType": answer, "Name": name, "MechanismId": format!("id-{name}"), "Enrolled": true
    })
}

/// `value` with some keys set anew; null takes a key away.
pub fn with(mut value: Value, changes: Value) -> Value {
    let (Some(object), Value::Object(changes)) = (value.as_object_mut(), changes) else {
        panic!("only objects can be changed");
    };
    for (key, new) in changes {
        match new {
            Value::Null => object.remove(&key),
            new => object.insert(key, new),
        };
    }
    value
}

/// `reply` with some keys of its result set anew.
pub fn with_result(mut reply: Value, changes: Value) -> Value {
    let result = with(reply["Result"].take(), changes);
    reply["Result"] = result;
    reply
}
