// Puts each field of a JSON log line under "sm" as a string, so that no two lines disagree on a field's type.
// ECMAScript 5.1, which is all that Filebeat's script processor speaks.

// A line with more fields than this is kept as it is: an index takes a limited number of field names.
var MOST_FIELDS = 200;

function process(event) {
    var line = event.Get("message");
    if (typeof line === "string") {
        event.Delete("message");
        putFields(event, line);
    }
    var name = event.Get("kubernetes.labels.name") || event.Get("kubernetes.pod.name");
    if (name) {
        event.Put("name", name);
    }
}

function putFields(event, line) {
    var parsed = parse(line);
    if (parsed === null) {
        event.Put("sm.message", line);
        return;
    }
    Object.keys(parsed).forEach(function (key) {
        // The time of the line is in @timestamp.
        if (key !== "T") {
            event.Put("sm." + fieldName(key), asText(parsed[key]));
        }
    });
}

// The line as an object, or null when it is none.
function parse(line) {
    try {
        var parsed = JSON.parse(line);
        if (parsed === null || typeof parsed !== "object" || parsed instanceof Array) {
            return null;
        }
        if (Object.keys(parsed).length > MOST_FIELDS) {
            return null;
        }
        return /\d{16}/.test(line) ? JSON.parse(quoteLongNumbers(line)) : parsed;
    } catch (error) {
        return null;
    }
}

// Numbers of more than 15 digits, which would lose the last ones, as strings. What is in strings already stays.
function quoteLongNumbers(line) {
    var inString = false;
    return line.replace(/\\.|"|-?\d[\d.eE+-]{15,}/g, function (token) {
        if (token === '"') {
            inString = !inString;
        }
        return inString || /^[\\"]/.test(token) ? token : '"' + token + '"';
    });
}

function asText(value) {
    if (typeof value === "string") {
        return value;
    }
    return value !== null && typeof value === "object" ? JSON.stringify(value) : String(value);
}

// A dot would make an object of the field, and a blank name is refused.
function fieldName(key) {
    var name = key.replace(/\./g, "_");
    return /\S/.test(name) ? name : "_";
}
