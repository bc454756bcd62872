"""The command line that all figures share."""

from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter


def figure_parser(description: str) -> ArgumentParser:
    """Return a parser that knows `--data`, `--synthetic`, `--pdf` and `--png`."""
    parser = ArgumentParser(description=description, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="the data's name, as the title shows it")
    parser.add_argument("--synthetic", action="store_true", help="mark the figure as drawn from synthetic data")
    parser.add_argument("--pdf", required=True)
    parser.add_argument("--png", required=True)
    return parser


def method_label(text: str) -> tuple[str, str]:
    """Split `method=Label`, the type of one value of `--labels`."""
    method, equals, label = text.partition("=")
    if not equals:
        raise ArgumentTypeError(f"'{text}': write method=Label, such as kl='KL baseline'")
    return method, label
