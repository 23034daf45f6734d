//! The JSON Schema of a command and of each of its recipes.
//!
//! Positionals come first, because that is how a person calls a program; the order of the arguments on its command line is
//! another matter and stands in `argv`.

use serde_json::{Map, Value, json};

use super::definition::{Definition, Recipe, STDIN, Slot};
use super::{Raw, raw};

/// The command itself with all that it takes; a recipe of the same name is what such a call means.
pub fn of_command(definition: &Definition) -> Raw {
    let (input, hints) = match definition.recipe(&definition.name) {
        Some(recipe) => (input_of_recipe(definition, recipe), recipe.hints),
        None => {
            (input(definition.positionals.iter().chain(&definition.options), definition), definition.hints)
        }
    };
    raw(&definition.name, &definition.description, input, hints, definition)
}

/// One recipe.
pub fn of_recipe(definition: &Definition, recipe: &Recipe) -> Raw {
    let description = match (recipe.description.as_str(), definition.description.as_str()) {
        ("", whole) => whole.to_owned(),
        (own, _) => own.to_owned(),
    };
    raw(&recipe.name, &description, input_of_recipe(definition, recipe), recipe.hints, definition)
}

fn input<'a>(slots: impl Iterator<Item = &'a Slot>, definition: &Definition) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for slot in slots {
        properties.insert(slot.name.clone(), Value::Object(slot.schema.clone()));
        if slot.required && !slot.schema.contains_key("default") {
            required.push(slot.name.clone());
        }
    }
    if definition.stdin {
        properties
            .insert(STDIN.to_owned(), json!({"type": "string", "description": "What the program reads."}));
    }
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn input_of_recipe(definition: &Definition, recipe: &Recipe) -> Value {
    let all = definition.positionals.iter().chain(&definition.options);
    let slots: Vec<Slot> = if recipe.params.is_empty() {
        all.map(|slot| with_preset(slot.clone(), recipe)).collect()
    } else {
        let named = recipe.params.iter().filter_map(|(name, about)| {
            let slot = definition.slot(name)?.clone();
            Some(with_preset(refined(slot, about), recipe))
        });
        // A preset may be overridden, so it is a parameter too.
        let preset = recipe.preset.keys().filter(|name| !recipe.params.contains_key(*name));
        let preset = preset.filter_map(|name| Some(with_preset(definition.slot(name)?.clone(), recipe)));
        named.chain(preset).collect()
    };
    input(slots.iter(), definition)
}

fn refined(mut slot: Slot, about: &Value) -> Slot {
    for key in ["description", "default", "enum"] {
        if let Some(value) = about.get(key) {
            slot.schema.insert(key.to_owned(), value.clone());
        }
    }
    if let Some(required) = about.get("required").and_then(Value::as_bool) {
        slot.required = required;
    }
    slot
}

fn with_preset(mut slot: Slot, recipe: &Recipe) -> Slot {
    if let Some(value) = recipe.preset.get(&slot.name) {
        slot.schema.insert("default".to_owned(), value.clone());
        slot.required = false;
    }
    slot
}
