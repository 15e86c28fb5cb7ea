// libevo_sentencepiece.so: beside the program where a checkout built it, else from the user's cache, made there over the
// sentencepiece that is installed. Only who uses a sentencepiece tokenizer needs it.
using System.Reflection;
using System.Runtime.InteropServices;
using Evo.Native;

namespace Evo.Data;

internal static class SentencePieceLibrary
{
    private const string Needs = "g++ libsentencepiece-dev";
    private static readonly Lock Door = new();
    private static nint loaded;

    /// <summary>For <see cref="NativeLibrary.SetDllImportResolver"/>.</summary>
    internal static nint Resolve(string name, Assembly carrier, DllImportSearchPath? path)
    {
        if (name != NativeSentencePiece.Library)
        {
            return 0;
        }

        lock (Door)
        {
            return loaded != 0 ? loaded : loaded = NativeLibrary.Load(FileOf(carrier));
        }
    }

    private static string FileOf(Assembly carrier)
    {
        if (NativeCache.Beside(carrier, "libevo_sentencepiece.so") is { } beside)
        {
            return beside;
        }

        try
        {
            return NativeCache.Library(carrier, Recipe());
        }
        catch (NativeBuildException error)
        {
            throw new DataException("libevo_sentencepiece.so", error.Message, "sentencepiece tokenizers are read by the library itself", inner: error);
        }
    }

    private static NativeRecipe Recipe()
    {
        var compiler = NativeCache.Compiler;
        var version = NativeCache.Ask(compiler, ["--version"]);
        if (!version.Works)
        {
            throw new NativeBuildException(version.Text, Needs);
        }

        var header = new[] { "/usr/local/include", "/usr/include" }
            .Select(folder => new FileInfo(Path.Combine(folder, "sentencepiece_trainer.h"))).FirstOrDefault(file => file.Exists);
        return new(
            "evo_sentencepiece",
            $"compiler={compiler}, {version.Text.Split('\n')[0]}\nsentencepiece={header?.FullName} {header?.Length} {header?.LastWriteTimeUtc:O}",
            "libevo_sentencepiece.so",
            (source, build) => [[
                compiler, "-O2", "-std=c++17", "-shared", "-fPIC", "-fvisibility=default", "-o", Path.Combine(build, "libevo_sentencepiece.so"),
                Path.Combine(source, "evo_sentencepiece.cpp"), "-lsentencepiece_train", "-lsentencepiece",
            ]],
            Needs);
    }
}
