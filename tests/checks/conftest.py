import pytest


@pytest.fixture(autouse=True)
def own_diary(tmp_path, monkeypatch):
    """No test writes into the diary of whoever runs it."""
    monkeypatch.setenv("FCN_COURSE_PROGRESS", str(tmp_path / "progress.jsonl"))
