"""The Debian packages of the base images. The full one follows the reference's sandbox page."""

MINIMAL = (
    "ca-certificates",
    "curl",
    "file",
    "git",
    "jq",
    "less",
    "procps",
    "python3",
    "python3-pip",
    "python3-venv",
    "ripgrep",
    "unzip",
    "xz-utils",
    "zip",
)

_LANGUAGES = (
    "build-essential",
    "python3-dev",
    "python-is-python3",
    "python3-poetry",
    "pipx",
    "nodejs",
    "npm",
    "yarnpkg",
    "golang-go",
    "rustc",
    "cargo",
    "ruby",
    "ruby-dev",
    "bundler",
    "openjdk-21-jdk-headless",
    "maven",
    "gradle",
    "php-cli",
    "php-curl",
    "php-mbstring",
    "php-sqlite3",
    "php-xml",
    "php-zip",
    "composer",
    "clang",
    "cmake",
    "ninja-build",
    "pkg-config",
)
_PYTHON = (
    "python3-docx",
    "python3-matplotlib",
    "python3-numpy",
    "python3-openpyxl",
    "python3-pandas",
    "python3-pil",
    "python3-pypdf",
    "python3-requests",
)
_DATABASES = ("postgresql", "redis-server", "sqlite3", "libsqlite3-dev")
_UTILITIES = (
    "bc",
    "bzip2",
    "fd-find",
    "gettext-base",
    "iproute2",
    "nano",
    "openssh-client",
    "patch",
    "psmisc",
    "rsync",
    "tmux",
    "tree",
    "vim",
    "wget",
    "yq",
    "zstd",
)
_DOCUMENTS = (
    "ffmpeg",
    "fonts-dejavu-core",
    "fonts-liberation",
    "ghostscript",
    "imagemagick",
    "pandoc",
    "poppler-utils",
    "qpdf",
    "tesseract-ocr",
    "tesseract-ocr-eng",
)

FULL = (*MINIMAL, *_LANGUAGES, *_PYTHON, *_DATABASES, *_UTILITIES, *_DOCUMENTS)

EXTRAS = {
    "office": ("libreoffice-calc-nogui", "libreoffice-impress-nogui", "libreoffice-writer-nogui"),
    "tex": (
        "latexmk",
        "texlive-fonts-recommended",
        "texlive-latex-extra",
        "texlive-latex-recommended",
        "texlive-xetex",
    ),
    "browser": ("chromium", "chromium-driver"),
}
"""Large ones, by the name that adds them."""
