"""Events held against the Open Cybersecurity Schema Framework, as `ocsf-lib` reads its compiled schema.

`ocsf-lib` reads and compiles schemas and doesn't check events; the rules that its own schema states are applied here: every attribute
is known, whatever is required is there, types and listed values fit, and of attributes of which one is needed there is one.
"""

WHOLE = {"integer_t", "long_t", "timestamp_t", "port_t"}


class Checker:
    def __init__(self, schema, profiles):
        self.schema = schema
        self.profiles = profiles

    def event(self, event):
        """What is wrong with an event."""
        found = [item for item in self.schema.classes.values() if item.uid == event.get("class_uid")]
        if not found:
            return [f"no class has the number {event.get('class_uid')}"]
        wrong = list(self.attributes(found[0], event, found[0].name))
        expected = event["class_uid"] * 100 + event["activity_id"]
        if event.get("type_uid") != expected:
            wrong.append(f"type_uid is {event.get('type_uid')}, not {expected}")
        if event.get("category_uid") != event["class_uid"] // 1000:
            wrong.append("category_uid doesn't fit class_uid")
        return wrong

    def attributes(self, item, value, where):
        if not isinstance(value, dict):
            yield f"{where} is no object"
            return
        known = {name: attribute for name, attribute in item.attributes.items() if attribute.profile is None or self.is_on(attribute)}
        for name in value.keys() - known.keys():
            yield f"{where}.{name} isn't in the schema"
        for name, attribute in known.items():
            if name in value:
                yield from self.attribute(attribute, value[name], f"{where}.{name}")
            elif attribute.requirement == "required":
                yield f"{where}.{name} is required"
        for rule, names in (item.constraints or {}).items():
            count = len(value.keys() & set(names))
            if (rule == "at_least_one" and count == 0) or (rule == "just_one" and count != 1):
                yield f"{where} has {count} of {names}"

    def is_on(self, attribute):
        names = attribute.profile if isinstance(attribute.profile, list) else [attribute.profile]
        return any(name is None or name in self.profiles for name in names)

    def attribute(self, attribute, value, where):
        if attribute.is_array:
            if not isinstance(value, list):
                yield f"{where} is no list"
                return
            for index, one in enumerate(value):
                yield from self.single(attribute, one, f"{where}[{index}]")
        else:
            yield from self.single(attribute, value, where)

    def single(self, attribute, value, where):
        if attribute.object_type == "object" or attribute.type == "json_t":
            return
        if attribute.object_type:
            yield from self.attributes(self.schema.objects[attribute.object_type], value, where)
            return
        if attribute.type in WHOLE:
            is_fit = isinstance(value, int) and not isinstance(value, bool)
        elif attribute.type == "boolean_t":
            is_fit = isinstance(value, bool)
        elif attribute.type == "float_t":
            is_fit = isinstance(value, (int, float))
        else:
            is_fit = isinstance(value, str) and value != ""
        if not is_fit:
            yield f"{where} is {value!r}, no {attribute.type}"
        if attribute.enum and str(value) not in attribute.enum:
            yield f"{where} is {value!r}, none of {list(attribute.enum)}"
