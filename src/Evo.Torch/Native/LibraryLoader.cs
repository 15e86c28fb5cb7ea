// Prepares the process before libtorch is loaded, then loads libevo_torch.so.
using System.Reflection;
using System.Runtime.InteropServices;

namespace Evo.Torch.Native;

internal static class LibraryLoader
{
    private static readonly Lock Door = new();
    private static bool prepared;
    private static nint loaded;

    /// <summary>Settings that libtorch and OpenBLAS read once, when they are loaded, are made here. Idempotent.</summary>
    public static void Prepare()
    {
        lock (Door)
        {
            if (prepared)
            {
                return;
            }

            prepared = true;
            ProcessorSetup.Apply();
            NativeLibrary.SetDllImportResolver(typeof(LibraryLoader).Assembly, Resolve);
        }
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path)
    {
        if (name != NativeMethods.Library)
        {
            return 0;
        }

        // Asked once for every native function; threads that a person has set since then must stay.
        lock (Door)
        {
            return loaded != 0 ? loaded : loaded = Load(assembly);
        }
    }

    private static nint Load(Assembly assembly)
    {
        var file = TorchLibrary.File(assembly);
        try
        {
            var library = NativeLibrary.Load(file);
            ProcessorSetup.SetThreads(library);
            return library;
        }
        catch (DllNotFoundException error)
        {
            throw new TorchException(
                "load",
                $"{file} could not be loaded ({error.Message}). Is the libtorch it was built for still installed? "
                + "Build again, or install libtorch-dev.");
        }
    }
}
