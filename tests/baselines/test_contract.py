"""What every method must keep, whatever its loss. A new method joins by adding its import path to METHODS."""

import importlib
import inspect
import io
import math
import pkgutil

import pandas as pd
import pytest
import torch
from torch.testing import assert_close

import baselines
from pml.errors import InputError
from pml.method import Method, PixelFreeMethod, method_class, method_options


def import_paths(kind: type) -> list[str]:
    """Return the import path of every class of `kind` that a module of `baselines` defines."""
    modules = [importlib.import_module(found.name) for found in pkgutil.iter_modules(baselines.__path__, "baselines.")]
    return [
        f"{module.__name__}:{name}"
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, kind) and value.__module__ == module.__name__
    ]


BASELINES = import_paths(Method)
METHODS = [*BASELINES, "pml.progressive_margin:PML"]
PIXEL_FREE = import_paths(PixelFreeMethod)

FEATURE_DIM = 8
AGE_RANGES = [range(101), range(16, 78)]
every_method = pytest.mark.parametrize("import_path", METHODS)


def build(import_path: str, ages=range(101), dtype=torch.float32) -> Method:
    torch.manual_seed(0)
    return method_class(import_path)(FEATURE_DIM, ages, method_options(import_path, {})).to(dtype)


def random_batch(size: int = 6, ages=range(101), dtype=torch.float32, seed: int = 0):
    """Return features, real-valued labels (the first and the last age among them) and age_stds, every second one NaN."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(size, FEATURE_DIM, generator=generator, dtype=dtype)
    labels = ages[0] + (ages[-1] - ages[0]) * torch.rand(size, generator=generator, dtype=dtype)
    labels[0], labels[-1] = ages[-1], ages[0]
    age_stds = torch.full((size,), 3.0, dtype=dtype)
    age_stds[::2] = math.nan
    return features, labels, age_stds


def test_every_module_of_baselines_holds_one_method():
    modules = [found.name for found in pkgutil.iter_modules(baselines.__path__, "baselines.")]
    assert sorted(path.partition(":")[0] for path in BASELINES + PIXEL_FREE) == sorted(modules)


@every_method
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("ages", AGE_RANGES)
@pytest.mark.parametrize("size", [1, 6])
def test_loss_is_a_finite_scalar_with_a_gradient(import_path, dtype, ages, size):
    method = build(import_path, ages, dtype)
    features, labels, age_stds = random_batch(size, ages, dtype)
    loss, _ = method.loss(features.requires_grad_(), labels, age_stds)
    assert loss.shape == () and loss.dtype == dtype and loss.isfinite()
    loss.backward()
    assert features.grad.isfinite().all() and features.grad.any()
    gradients = [parameter.grad for parameter in method.parameters() if parameter.grad is not None]
    assert gradients and all(gradient.isfinite().all() for gradient in gradients)


@every_method
def test_terms_are_detached_scalars_of_stable_names(import_path):
    method = build(import_path)
    names = []
    for seed in range(3):
        _, terms = method.loss(*random_batch(seed=seed))
        assert all(term.shape == () and not term.requires_grad and term.isfinite() for term in terms.values())
        names.append(list(terms))
    # The history has a column `loss` of its own.
    assert names[0] == names[1] == names[2] and "loss" not in names[0]


@every_method
@pytest.mark.parametrize("age_std", [math.nan, 0.0, 4.0])
def test_loss_stands_with_any_age_std(import_path, age_std):
    features, labels, age_stds = random_batch()
    loss, _ = build(import_path).loss(features, labels, torch.full_like(age_stds, age_std))
    assert loss.isfinite()


@every_method
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_loss_stands_with_features_of_any_size(import_path, scale):
    features, labels, age_stds = random_batch()
    loss, _ = build(import_path).loss(features * scale, labels, age_stds)
    assert loss.isfinite()


@every_method
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("ages", AGE_RANGES)
def test_distribution_is_one_over_ages_or_none(import_path, dtype, ages):
    distribution = build(import_path, ages, dtype).eval().distribution(random_batch(6, ages, dtype)[0])
    if distribution is not None:
        assert distribution.shape == (6, len(ages)) and distribution.dtype == dtype and (distribution >= 0).all()
        assert_close(distribution.sum(dim=1), torch.ones(6, dtype=dtype))


@every_method
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("ages", AGE_RANGES)
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_predictions_lie_within_ages(import_path, dtype, ages, scale):
    predicted = build(import_path, ages, dtype).eval().predict(scale * random_batch(6, ages, dtype)[0])
    assert predicted.shape == (6,) and predicted.dtype == dtype
    rounding = 1e-4
    assert (predicted >= ages[0] - rounding).all() and (predicted <= ages[-1] + rounding).all()


@every_method
def test_an_image_s_prediction_does_not_depend_on_its_batch(import_path):
    method = build(import_path).double().eval()
    features = random_batch(dtype=torch.float64)[0]
    assert_close(method.predict(features), torch.cat([method.predict(row[None]) for row in features]))


@every_method
def test_labels_never_enter_predictions(import_path):
    method = build(import_path)
    features, labels, age_stds = random_batch()
    assert list(inspect.signature(method.predict).parameters) == ["features"]
    before = method.eval().predict(features)
    method.train().loss(features, labels.flip(0), age_stds)
    assert_close(method.eval().predict(features), before, rtol=0, atol=0)


@every_method
def test_a_fitted_batch_is_predicted_better_than_at_the_start(import_path):
    method = build(import_path)
    features, labels, age_stds = random_batch()
    optimiser = torch.optim.Adam(method.parameters(), lr=0.05)
    errors = []
    for _ in range(60):
        errors.append((method.eval().predict(features) - labels).abs().mean().item())
        optimiser.zero_grad()
        method.train().loss(features, labels, age_stds)[0].backward()
        optimiser.step()
    assert errors[-1] < errors[0] / 2


@every_method
def test_state_survives_a_file(import_path):
    trained, restored = build(import_path), build(import_path)
    features, labels, age_stds = random_batch()
    with torch.no_grad():
        for parameter in trained.parameters():
            parameter.add_(0.1)
    trained.train().loss(features, labels, age_stds)
    file = io.BytesIO()
    torch.save(trained.state_dict(), file)
    file.seek(0)
    restored.load_state_dict(torch.load(file, weights_only=True))
    assert_close(restored.eval().predict(features), trained.eval().predict(features), rtol=0, atol=0)
    found, expected = (method.train().loss(features, labels, age_stds)[0] for method in (restored, trained))
    assert_close(found, expected, rtol=0, atol=0)


@every_method
def test_unknown_option_is_refused_by_name(import_path):
    with pytest.raises(InputError, match="unknown option 'no_such_option'"):
        method_options(import_path, {"no_such_option": 1})


# Not for a method whose loss sees detached statistics of the batch: there the gradient is not that of the value.
@pytest.mark.parametrize("import_path", BASELINES)
def test_gradient_is_that_of_the_loss(import_path):
    method = build(import_path, range(20, 31), torch.float64).eval()  # which counts nothing
    features, labels, age_stds = random_batch(3, range(20, 31), torch.float64)
    assert torch.autograd.gradcheck(lambda x: method.loss(x, labels, age_stds)[0], features.requires_grad_())


@pytest.mark.parametrize("import_path", PIXEL_FREE)
def test_pixel_free_method_predicts_a_finite_age_per_test_row_without_its_label(import_path):
    columns = {"image": list("abcd"), "subject": ["1", "1", "2", None], "age": [3.0, 8.5, 40.0, 5.0]}
    rows = pd.DataFrame(columns).assign(picture=math.nan, age_std=math.nan, gender=None, race=None, part=None)
    method = method_class(import_path)(method_options(import_path, {}))
    predicted = method.predict(rows[:3], rows[3:].drop(columns=["age", "age_std"]))
    assert predicted.shape == (1,) and 0 <= predicted[0] <= 120
