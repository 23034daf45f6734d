//! Dialogues with a stateful world of about forty tools: several cells, what each gives, and the state at the end.

use serde_json::json;

use super::{over, raised, upstream_file, value};
use crate::support::Client;

fn world() -> Client {
    let server = json!({"command": "python3", "args": ["-I", upstream_file("world.py")]});
    let mut client = over(&[("mcp.json", &json!({"mcpServers": {"world": server}}).to_string())]);
    value(&mut client, "import asyncio\nw = tools.world");
    client
}

/// Runs cells one after the other, each of which must give its value.
fn dialogue(client: &mut Client, cells: &[(&str, &str)]) {
    for (code, expected) in cells {
        assert_eq!(value(client, code), *expected, "{code}");
    }
}

#[test]
fn files_are_found_changed_and_counted() {
    let mut client = world();
    dialogue(
        &mut client,
        &[
            ("w.pwd()['current_directory'], w.ls()", "('/home', ['notes.txt', 'todo.md'])"),
            (
                "[w.wc(name) for name in w.ls()], w.wc('notes.txt', 'w'), w.wc(file_name='notes.txt', mode='c')",
                "([2, 1], 2, 11)",
            ),
            (
                "w.echo('tea\\nwater\\n', 'more.txt'), w.echo('-n'), w.echo(content='só', file_name=None)",
                "('', '-n', 'só')",
            ),
            ("[line for name in w.ls() for line in w.grep('tea', name)]", "['tea', 'tea']"),
            (
                "w.mv('more.txt', destination='drinks.txt')['moved'], w.sort('drinks.txt', reverse=True)",
                "(1, 'water\\ntea')",
            ),
            (
                "w.rm(['todo.md', 'none'])['removed'], w.rm(names=['drinks.txt'])",
                "(['todo.md'], {'removed': ['drinks.txt']})",
            ),
            (
                "w.mkdir('deep') is True, w.cd('/home/deep') is None, w.ls() == [], not w.ls(True)",
                "(True, True, True, True)",
            ),
            (
                "sorted(w.snapshot()['files']), w.snapshot()['at']",
                "(['/home', '/home/deep', '/tmp'], '/home/deep')",
            ),
        ],
    );
    let (kind, message) = raised(&mut client, "w.cd('/nowhere')");
    assert_eq!(
        (kind.as_str(), message.as_str()),
        ("ToolError", "tools.world.cd: cd: /nowhere: no such directory")
    );
}

#[test]
fn a_loop_over_tickets_and_messages_leaves_what_it_should() {
    let mut client = world();
    dialogue(
        &mut client,
        &[
            (
                "for n, title in enumerate(['a', 'b', 'c'], 1):\n    w.createTicket(title, priority=n, labels=[{'name': 'bug'}] if n % 2 else [])",
                "",
            ),
            (
                "[w.getTicket(n)['title'] for n in (1, 2.0, 3)], w.createTicket('d', 'high')['priority']",
                "(['a', 'b', 'c'], 'high')",
            ),
            (
                "w.closeTicket(2)['open'], w.closeTicket(3, None)['resolution'], w.closeTicket(1, resolution='done')['resolution']",
                "(False, None, 'done')",
            ),
            ("w.editTicket(4, {'title': 'D', 'priority': 1})['title']", "'D'"),
            (
                "still = [t for t in w.snapshot()['tickets'].values() if t['open']]\nlen(still), still[0]['title']",
                "(1, 'D')",
            ),
            (
                "u = w.get_user('bob')\nu['name'], u.get('id'), u == {'id': 2, 'name': 'Bob Ünal', 'tags': []}",
                "('Bob Ünal', 2, True)",
            ),
            ("[u['name'] for u in w.list_users() if u['tags']]", "['Ann']"),
            (
                "w.send_message('bob', 'hello')['message_id'], w.send_message('bob', 'yo', from_='eve'), w.send_message(**{'to': 'ann', 'text': 'x', 'from': 'bob'})",
                "(1, {'message_id': 2}, {'message_id': 3})",
            ),
            (
                "[m['from'] for m in w.messages_search(to='bob')], w.messages_search('nothing like it')",
                "(['ann', 'eve'], [])",
            ),
            ("w.delete_message(2), len(w.messages_search())", "(None, 2)"),
        ],
    );
}

#[test]
fn names_that_python_cannot_write_are_reached() {
    let mut client = world();
    dialogue(
        &mut client,
        &[
            (
                "try:\n    w.start_engine_2()\nexcept ToolError as error:\n    r = str(error)\nr",
                "'tools.world.start_engine_2: the doors must be unlocked first'",
            ),
            ("w.open(), w.open('trunk'), w.open(class_='doors')", "('doors', 'trunk', 'doors')"),
            (
                "w.start_engine_2(), w.start_engine(), getattr(w, 'start-engine')()",
                "('null', 'the other one', 'null')",
            ),
            (
                "w.import_(2.5), w.import_(lambda_=1), w.n3d_map(5.0), w.n3d_map(zoom=7)['type']",
                "(12.5, 13.5, {'zoom': 5, 'type': 'int'}, 'int')",
            ),
            (
                "w.car_status(['fuel', 'locked']), w.car_status()['tires']['front'] + 1",
                "({'fuel': 13.5, 'locked': False}, 33)",
            ),
            ("w.zip_code('01234')['self']['nested']['deep'][1]['er'] is None", "True"),
            (
                "w.route([{'lat': 1, 'lon': 2}, {'lat': 3.5, 'lon': 4}], {'avoid': ['tolls']})",
                "{'legs': [[1, 3.5]], 'options': {'avoid': ['tolls']}}",
            ),
            (
                "[t['name'] for t in w.list() if 'original' in t]",
                "['list_users', 'send_message', 'messages_search', 'import_', 'start_engine_2', 'n3d_map', 'car_status', 'zip_code']",
            ),
        ],
    );
}

#[test]
fn what_is_booked_is_paid_also_side_by_side() {
    let mut client = world();
    dialogue(
        &mut client,
        &[
            ("w.book('flight', 100, 2)['balance'], w.book('hotel', price=50.5)['order']", "(800.0, 2)"),
            (
                "w.cancel(1), len(w.orders()), w.distance('a', 'bcd'), w.is_open('moon'), w.is_open('x')",
                "(949.5, 2, 21.0, False, True)",
            ),
            (
                "r = await asyncio.gather(*(w.book('seat', 9.5) for _ in range(20)))\nmin(x['balance'] for x in r), w.snapshot()['balance']",
                "(759.5, 759.5)",
            ),
            (
                "r = await asyncio.gather(*(w.fail_odd(n) for n in range(4)), return_exceptions=True)\n[x if isinstance(x, int) else x.kind for x in r]",
                "[0, 'failed', 2, 'failed']",
            ),
            (
                "w.set('volume', 7)['volume'], w.set('nick')['nick'], w.get('volume'), w.get('none'), w.set('l', [1, {'a': None}])['l']",
                "(7, None, 7, None, [1, {'a': None}])",
            ),
            (
                "w.json_report(), w.two_texts(), w.nothing(), w.empty_list()",
                "('{\"rows\": [1, 2]}', 'first\\nsecond', '', [])",
            ),
        ],
    );
    let (kind, message) = raised(&mut client, "w.book('castle', 1e6)");
    assert_eq!(
        (kind.as_str(), message.as_str()),
        ("ToolError", "tools.world.book: 1000000.0 is more than the balance of 759.5")
    );
}

#[test]
fn what_does_not_fit_changes_nothing() {
    let mut client = world();
    value(&mut client, "before = w.snapshot()");
    for (code, words) in [
        ("w.n3d_map('5')", "argument `zoom`: \"5\" is not of type \"integer\""),
        ("w.n3d_map(5.5)", "argument `zoom`: 5.5 is not of type \"integer\""),
        ("w.n3d_map(True)", "argument `zoom`: true is not of type \"integer\""),
        ("w.book('x', '12')", "argument `price`: \"12\" is not of type \"number\""),
        ("w.book('x', 0)", "argument `price`: 0 is less than or equal to the minimum of 0"),
        ("w.zip_code(1234)", "argument `code`: 1234 is not of type \"string\""),
        ("w.rm('notes.txt')", "argument `names`: \"notes.txt\" is not of type \"array\""),
        ("w.rm([])", "argument `names`: [] has less than 1 item"),
        ("w.mkdir(dir_name=None)", "argument `dir_name`: null is not of type \"string\""),
        (
            "w.createTicket('t', labels=[{'color': 'red'}])",
            "argument `labels`, at 0: \"name\" is a required property",
        ),
        ("w.createTicket('t', 9)", "argument `priority`: 9 is not valid under any of the schemas"),
        (
            "w.editTicket(1, {'bad': 1})",
            "argument `changes`: Additional properties are not allowed ('bad' was unexpected)",
        ),
        ("w.open('roof')", "argument `class_`: \"roof\" is not one of \"doors\" or \"trunk\""),
        ("w.send_message('bob')", "argument `text` is missing"),
        ("w.send_message('bob', 'x', to='ann')", "argument `to` is given twice"),
        ("w.pwd(1)", "takes 0 positional arguments and got 1"),
        ("w.get_user(name='bob')", "there is no argument `name`"),
        ("w.route([(1, 2)])", "argument `points`, at 0: [1,2] is not of type \"object\""),
    ] {
        let (kind, message) = raised(&mut client, code);
        assert_eq!(kind, "ToolArgumentError", "{code}: {message}");
        assert!(
            message.contains(words) && message.contains("it is called as tools.world."),
            "{code}: {message}"
        );
    }
    assert_eq!(value(&mut client, "w.snapshot() == before"), "True");
}

#[test]
fn a_namespace_without_tools_before_it_is_explained() {
    let mut client = world();
    let result = client.run("world.pwd()");
    assert!(
        crate::support::text(&result).contains("`world` is a namespace of tools: write `tools.world`."),
        "{result}"
    );
    let shown = value(&mut client, "w.route.__doc__");
    assert!(
        shown.contains("[{lat: float, lon: float}, …]") && shown.contains("{avoid?: list[str]}"),
        "{shown}"
    );
}
