namespace Piwheels.Tests.Slave;

/// <summary>Projects with modules in C, as a backend of their own makes them: what its script says goes into the wheel.</summary>
internal static class NativePackages
{
    /// <summary>
    /// A script calls put(path, content), module(path, before, init, *options), which compiles a module with C code before
    /// and in its first function, and compiled(code, *options), which answers a shared object.
    /// </summary>
    private const string Backend =
        """
        import base64, hashlib, os, subprocess, sys, sysconfig, zipfile

        files = {}
        tag = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        suffix = sysconfig.get_config_var("EXT_SUFFIX")

        def put(path, content=""):
            files[path] = content.encode() if isinstance(content, str) else content

        def compiled(code, *options):
            with open("code.c", "w") as file:
                file.write(code)
            subprocess.check_call(
                ["cc", "-shared", "-fPIC", "-I", sysconfig.get_path("include"), "-o", "code.so", "code.c", *options])
            with open("code.so", "rb") as file:
                return file.read()

        def module(path, before="", init="", *options):
            name = path.rsplit("/", 1)[-1]
            return put(path + suffix, compiled(
                "#include <Python.h>\n" + before + "\nstatic struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, \"" + name
                + "\"};\nPyMODINIT_FUNC PyInit_" + name + "(void) {\n" + init + "\nreturn PyModule_Create(&definition); }\n", *options))

        def for_arm(content):
            return content[:18] + b"\x28\0" + content[20:]

        def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
            make()
            stem = "STEM"
            python = "cp%d%d" % sys.version_info[:2]
            tags = f"{python}-{python}-{tag}"
            put(stem + ".dist-info/METADATA", METADATA)
            put(stem + ".dist-info/WHEEL", f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: {tags}\n")
            record = "".join(
                f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}\n"
                for name, data in files.items())
            put(stem + ".dist-info/RECORD", record + stem + ".dist-info/RECORD,,\n")
            with zipfile.ZipFile(os.path.join(wheel_directory, f"{stem}-{tags}.whl"), "w") as wheel:
                for name, data in files.items():
                    wheel.writestr(name, data)
            return f"{stem}-{tags}.whl"

        def make():
        """;

    /// <summary>Adds version 1.0 of a project.</summary>
    /// <param name="script">Fills the wheel.</param>
    /// <param name="requires">Further lines of METADATA.</param>
    public static SourceIndex AddNative(this SourceIndex index, string name, string script, string requires = "")
    {
        var stem = $"{name.Replace('-', '_')}-1.0";
        var metadata = $"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{requires}";
        var backend = Backend
            .Replace("STEM", stem, StringComparison.Ordinal)
            .Replace("METADATA)", $"\"\"\"{metadata}\"\"\")", StringComparison.Ordinal);
        return index.AddSource(name, metadata, backend + string.Concat(script.Split('\n').Select(line => $"\n    {line}")) + "\n");
    }
}
