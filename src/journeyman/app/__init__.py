"""The composition root: settings to backends to application. The only importer of backends."""
