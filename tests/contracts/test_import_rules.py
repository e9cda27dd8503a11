"""Who may import whom. The tables are the rules; CONTRIBUTING.md says why."""

import sys

import pytest

from tests.contracts.sources import folder_imports, package_imports, package_sources

# Each may import itself and what stands before it.
ORDER = (
    "patterns",
    "ops",
    "layers",
    "text",
    "embeddings",
    "models",
    "conversion",
    "fitting",
    "serving",
    "app",
)
# These stand beside: they build on text and below, and never on models.
BESIDE = ("data", "pipelines", "evaluation", "search")
LAST_BELOW_BESIDE = "embeddings"
FIRST_ABOVE_BESIDE = "fitting"
# What anybody may use: errors, whole files, checks. Then the front door.
ANYWHERE = ("argument_checks", "atomic_files", "checkpoint_error", "safe_files")
FRONT_DOOR = ("__init__", "persistence")

BACKENDS = {"tensorflow", "jax", "torch"}
# Inside functions of these files only, so that the other backends never need them.
BACKEND_FILES = (
    "models/base/tf_data_pipeline.py",  # likewise, around a model's own data
    "ops/attention/kernels/",
    "ops/backend/",
    "text/pipeline.py",  # steps of `tf.data`, whatever the backend
)

# Beside the standard library. A new third party is a decision: it is made here.
THIRD_PARTIES = {
    "__init__": set(),
    "app": {"fastapi", "gradio", "numpy"},
    "argument_checks": set(),
    "atomic_files": set(),
    "checkpoint_error": set(),
    "conversion": {
        "huggingface_hub",
        "keras",
        "keras_hub",
        "ml_dtypes",
        "numpy",
        "safetensors",
    },
    "data": {"keras", "numpy"},
    "evaluation": {"keras", "numpy"},
    "fitting": {"h5py", "keras", "keras_hub", "numpy"},
    "layers": {"keras", "numpy"},
    "models": {"keras", "keras_hub", "numpy"},
    "ops": {"keras", "numpy"},
    "patterns": {"numpy"},
    "persistence": {"keras", "keras_hub"},
    "safe_files": {"h5py", "keras"},
    "serving": {"keras", "keras_hub", "numpy"},
    "text": {"keras", "keras_hub", "numpy", "sentencepiece", "tokenizers"},
}

# Folders beside the package, and those of the others that each may not import.
# What several of them share stands in `tools`.
FORBIDDEN_FOLDERS = {
    "benchmarks": ("training", "tests", "notebooks"),
    "tools": ("training", "benchmarks", "tests", "notebooks"),
    "training": ("benchmarks", "tests", "notebooks"),
}


# What families share stands in these folders; each may import those before it.
SHARED_MODELS = ("base", "text_tasks", "generation")


def may_import(importer: str, imported: str) -> bool:
    if importer == imported or importer in FRONT_DOOR or imported in ANYWHERE:
        return True
    if importer in BESIDE and imported in BESIDE:
        return True
    if importer in BESIDE:
        limit = ORDER.index(LAST_BELOW_BESIDE)
        return imported in ORDER and ORDER.index(imported) <= limit
    if importer not in ORDER:
        return False
    if imported in BESIDE:
        return ORDER.index(importer) >= ORDER.index(FIRST_ABOVE_BESIDE)
    if imported in FRONT_DOOR:
        return ORDER.index(importer) >= ORDER.index(FIRST_ABOVE_BESIDE)
    return imported in ORDER and ORDER.index(imported) < ORDER.index(importer)


def test_imports_inside_the_package_point_one_way():
    wrong = []
    for source, found in package_imports():
        parts = found.module.split(".")
        if parts[0] == "longkeras" and len(parts) > 1:
            # `from longkeras import load_model` comes through the front door.
            known = parts[1] in (*ORDER, *BESIDE, *ANYWHERE, *FRONT_DOOR)
            target = parts[1] if known else "__init__"
            if not may_import(source.subpackage, target):
                wrong.append(f"{source.place}:{found.line} imports {found.module}")
    assert not wrong


def test_families_of_models_do_not_import_each_other():
    wrong = []
    for source, found in package_imports():
        importer, imported = folder_of(source.module), folder_of(found.module)
        if importer is None or imported in (None, importer):
            continue
        if imported not in SHARED_MODELS or (
            importer in SHARED_MODELS
            and SHARED_MODELS.index(imported) > SHARED_MODELS.index(importer)
        ):
            wrong.append(f"{source.place}:{found.line} imports {found.module}")
    assert not wrong


def folder_of(module: str) -> str | None:
    """The folder of `longkeras/models` that a module is in."""
    parts = module.split(".")
    is_there = len(parts) > 3 and parts[:2] == ["longkeras", "models"]
    return parts[2] if is_there else None


def test_families_of_checkpoints_do_not_import_each_other():
    place = "longkeras.conversion.families"
    assert not [
        f"{source.place}:{found.line} imports {found.module}"
        for source, found in package_imports()
        if source.module.startswith(f"{place}.")
        and f"{found.module}.".startswith(f"{place}.")
    ]


def test_every_subpackage_says_what_it_may_import():
    assert {source.subpackage for source in package_sources()} <= set(THIRD_PARTIES)


def test_third_parties_are_the_allowed_ones():
    always = BACKENDS | {"longkeras"} | sys.stdlib_module_names
    assert not [
        f"{source.place}:{found.line} imports {found.module}"
        for source, found in package_imports()
        if found.top not in always | THIRD_PARTIES[source.subpackage]
    ]


def test_backends_are_imported_only_by_functions_of_the_named_files():
    assert not [
        f"{source.place}:{found.line} imports {found.module}"
        for source, found in package_imports()
        if found.top in BACKENDS
        and not (found.inside and source.place.startswith(BACKEND_FILES))
    ]


def test_only_public_keras_is_used():
    assert not [
        f"{source.place}:{found.line} imports {found.module}"
        for source, found in package_imports()
        if found.module.startswith(("keras.src", "keras_hub.src"))
    ]
    assert not [
        source.place for source in package_sources() if "keras.src" in source.text
    ]


@pytest.mark.parametrize("folder", FORBIDDEN_FOLDERS)
def test_a_folder_beside_the_package_imports_none_that_it_may_not(folder):
    found_imports = list(folder_imports(folder))
    assert found_imports
    assert not [
        f"{place}:{found.line} imports {found.module}"
        for place, found in found_imports
        if found.top in FORBIDDEN_FOLDERS[folder]
    ]


def test_no_module_of_training_imports_a_recipe():
    assert not [
        f"{place}:{found.line} imports {found.module}"
        for place, found in folder_imports("training")
        if found.module.startswith("training.recipes")
    ]
