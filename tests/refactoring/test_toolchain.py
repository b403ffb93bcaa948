import json
import threading
from importlib.resources import files

import pytest
from support.processes import wait_until_gone

from llmtui.refactoring.toolchain import (
    FIX,
    PACKAGES,
    ToolchainError,
    find_toolchain,
    install_toolchain,
    pinned_versions,
)


def problem_of(work, *args, **options):
    with pytest.raises(ToolchainError) as caught:
        work(*args, **options)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def test_versions_are_exact_and_the_lock_names_no_host():
    folder = files("llmtui.refactoring").joinpath("vue-tsc")
    lock = json.loads(folder.joinpath("package-lock.json").read_text())
    manifest = json.loads(folder.joinpath("package.json").read_text())
    assert set(manifest["dependencies"]) == set(PACKAGES)
    assert "://" not in folder.joinpath("package-lock.json").read_text()
    for name, version in pinned_versions().items():
        assert version.replace(".", "").isdigit()
        assert lock["packages"][f"node_modules/{name}"]["version"] == version
    assert all(each["integrity"].startswith("sha512-") for path, each in lock["packages"].items() if path)


def test_npm_installs_by_the_lock_and_runs_no_scripts(tmp_path, node, npm):
    notes = []
    found = install_toolchain(tmp_path / "tools" / "vue-tsc", node=node, npm=npm, on_note=notes.append)
    assert (found.node, found.node_version, found.folder) == (node, "22.1.0", tmp_path / "tools" / "vue-tsc")
    said = json.loads((found.folder / "said.json").read_text())
    assert said[0] == "ci"
    assert "--ignore-scripts" in said
    assert len(notes) == 1
    assert sorted(path.name for path in found.folder.parent.iterdir()) == ["vue-tsc", "vue-tsc.lock"]
    assert find_toolchain(found.folder, node) == found


def test_what_is_there_is_not_installed_again(tmp_path, node, npm, program):
    folder = tmp_path / "vue-tsc"
    install_toolchain(folder, node=node, npm=npm)
    install_toolchain(folder, node=node, npm=program("other", "sys.exit('asked again')"))
    manifest = folder / "node_modules" / "vue-tsc" / "package.json"
    manifest.write_text('{"version": "0.1.0"}')
    assert problem_of(find_toolchain, folder, node) == (
        f"vue-tsc 0.1.0 is installed, and {pinned_versions()['vue-tsc']} is needed; run: {FIX}"
    )
    install_toolchain(folder, node=node, npm=npm)
    assert json.loads(manifest.read_text())["version"] == pinned_versions()["vue-tsc"]


def test_two_at_once_install_once(tmp_path, node, npm, program):
    code = f"open({str(tmp_path / 'runs')!r}, 'a').write('run ')\ntime.sleep(0.3)\nos.execv({npm!r}, [{npm!r}, 'ci'])"
    twice = program("other", code)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(install_toolchain(tmp_path / "vue-tsc", node=node, npm=twice)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 2
    assert (tmp_path / "runs").read_text() == "run "


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("damage", [None, "", "[]", "{}", '{"version": 3}', "\xff\xfe"])
def test_a_package_that_is_absent_or_damaged_is_named(tmp_path, node, npm, package, damage):
    folder = install_toolchain(tmp_path / "vue-tsc", node=node, npm=npm).folder
    manifest = folder / "node_modules" / package / "package.json"
    manifest.unlink()
    if damage is not None:
        manifest.write_text(damage, encoding="latin-1")
    assert problem_of(find_toolchain, folder, node) == f"{package} is not installed; run: {FIX}"


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (None, f"Node.js is not installed; install version 20 or newer, then run: {FIX}"),
        ("print('v18.20.4')", "Node.js 18.20.4 is too old; install version 20 or newer"),
        ("print('v8.0.0')", "Node.js 8.0.0 is too old; install version 20 or newer"),
        ("print('hello')", "{program} does not say its version; install Node.js 20 or newer anew"),
        ("sys.exit(3)", "{program} does not say its version; install Node.js 20 or newer anew"),
    ],
)
def test_without_a_right_node_one_sentence_says_so(tmp_path, program, code, sentence):
    path = str(tmp_path / "nowhere") if code is None else program("node", code)
    for work in (find_toolchain, lambda folder, node: install_toolchain(folder, node=node, npm=path)):
        assert problem_of(work, tmp_path / "vue-tsc", path) == sentence.format(program=path)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("npm error code ENOTFOUND\nnpm error network request to https://me:secret@host/x failed", "can't reach its registry"),
        ("npm error code EAI_AGAIN", "can't reach its registry"),
        ("npm error code ERR_SOCKET_TIMEOUT", "can't reach its registry"),
        ("npm error code ECONNREFUSED", "can't reach its registry"),
        ("npm error code SELF_SIGNED_CERT_IN_CHAIN", "can't reach its registry"),
        ("npm error code EINTEGRITY", "its hash differs"),
        ("npm error code ENOSPC", "there is no room"),
        ("npm error code EACCES", "npm can't write its files"),
        ("npm error code E401", "refuses the packages"),
        ("npm error code E404", "does not have the pinned packages"),
        ("npm error code EODD secret", "npm ended with code 7 (EODD)"),
        ("what? secret", "npm ended with code 7;"),
    ],
)  # fmt: skip
def test_why_npm_failed_is_one_sentence_without_what_it_printed(tmp_path, node, program, said, sentence):
    npm = program("npm", f"print({said!r}, file=sys.stderr)\nsys.exit(7)")
    told = problem_of(install_toolchain, tmp_path / "tools" / "vue-tsc", node=node, npm=npm)
    assert sentence in told
    assert FIX in told
    assert "secret" not in told
    assert [path.name for path in (tmp_path / "tools").iterdir()] == ["vue-tsc.lock"]


def test_a_failed_try_leaves_what_was_there(tmp_path, node, npm, program):
    folder = install_toolchain(tmp_path / "vue-tsc", node=node, npm=npm).folder
    (folder / "node_modules" / "vue" / "package.json").unlink()
    problem_of(install_toolchain, folder, node=node, npm=program("other", "sys.exit(1)"))
    assert (folder / "node_modules" / "typescript" / "package.json").is_file()


def test_npm_that_installs_nothing_is_found_out(tmp_path, node, program):
    told = problem_of(install_toolchain, tmp_path / "vue-tsc", node=node, npm=program("npm", "pass"))
    assert told == f"vue-tsc is not installed; run: {FIX}"


async def test_npm_that_hangs_is_stopped_with_all_that_it_started(tmp_path, node, program):
    npm = program(
        "npm",
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"pathlib.Path({str(tmp_path / 'child')!r}).write_text(str(child.pid))\ntime.sleep(600)",
    )
    told = problem_of(install_toolchain, tmp_path / "vue-tsc", node=node, npm=npm, within_s=10)
    assert told.startswith("npm was not done after 10 s and was stopped")
    await wait_until_gone(int((tmp_path / "child").read_text()))


def test_npm_that_is_absent_is_named(tmp_path, node):
    told = problem_of(install_toolchain, tmp_path / "vue-tsc", node=node, npm=str(tmp_path / "nowhere"))
    assert told == f"npm is not installed, though Node.js is; install npm, then run: {FIX}"


def test_a_folder_that_cannot_be_had_is_named(tmp_path, node, npm):
    (tmp_path / "file").write_text("")
    told = problem_of(install_toolchain, tmp_path / "file" / "vue-tsc", node=node, npm=npm)
    assert told.startswith(f"vue-tsc can't be installed into {tmp_path / 'file' / 'vue-tsc'}: ")
    assert told.endswith("name another folder by LLMTUI_TOOLS")


@pytest.mark.node
def test_the_real_compiler_is_found_where_it_was_installed(vue_tsc):
    assert find_toolchain(vue_tsc.folder) == vue_tsc
    assert vue_tsc.program.is_file()
