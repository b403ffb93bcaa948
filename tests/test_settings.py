import pytest

from llmtui.documents import DocumentError
from llmtui.settings import ServerSettings, Settings, api_key, key_variable, read_settings

URL = "http://127.0.0.1:8000"


def test_without_a_file_the_defaults_hold(tmp_path):
    assert read_settings(tmp_path) == Settings()
    (tmp_path / "settings.yaml").write_text("  \n")
    assert read_settings(tmp_path) == Settings()


def test_a_wrong_file_gets_one_sentence(tmp_path):
    (tmp_path / "settings.yaml").write_text("them: light\n")
    with pytest.raises(DocumentError, match="did you mean `theme`"):
        read_settings(tmp_path)
    (tmp_path / "settings.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DocumentError, match="can't be read"):
        read_settings(tmp_path)


def test_a_key_belongs_to_its_server(tmp_path):
    (tmp_path / "settings.yaml").write_text(f"servers:\n  - url: {URL}/v1\n    api_key_env: BOX_KEY\n")
    settings = read_settings(tmp_path)
    environ = {"BOX_KEY": "b", "LLMTUI_API_KEY": "general"}
    assert api_key(settings, URL, named=True, environ=environ) == "b"
    assert api_key(settings, f"{URL}/", named=False, environ=environ) == "b"
    assert api_key(settings, "http://127.0.0.1:9", named=True, environ=environ) == "general"


def test_the_general_key_never_goes_to_a_server_that_was_only_detected():
    assert api_key(Settings(), URL, named=False, environ={"LLMTUI_API_KEY": "general"}) is None


def test_a_key_is_in_no_representation():
    assert "secret" not in repr(ServerSettings(url=URL, api_key="secret"))
    assert "secret" not in repr(Settings(servers=(ServerSettings(url=URL, api_key="secret"),)))


def test_the_variable_of_a_key_is_that_of_its_server(tmp_path):
    (tmp_path / "settings.yaml").write_text(
        f"servers:\n  - {{url: '{URL}/v1', api_key_env: BOX_KEY}}\n  - {{url: 'http://own:1', api_key: secret}}\n"
    )
    settings = read_settings(tmp_path)
    assert key_variable(settings, f"{URL}/v1/chat/completions") == "BOX_KEY"
    assert key_variable(settings, URL) == "BOX_KEY"
    assert key_variable(settings, f"{URL}1/api/chat") == "LLMTUI_API_KEY", "another port"
    assert key_variable(settings, "http://own:1/api/chat") == "LLMTUI_API_KEY", "a key that is in no variable"
