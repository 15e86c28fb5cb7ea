// Calls any operator of libtorch by name through one native entry.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Evo.Torch.Native;

internal static unsafe class Dispatcher
{
    /// <summary>
    /// Calls "aten::add" / "Tensor". <paramref name="handle"/> caches the operator between calls. Failures are
    /// <see cref="TorchException"/>s with libtorch's text, or the .NET exception that a callback had thrown.
    /// </summary>
    public static void Call(
        ref nint handle,
        string name,
        string overload,
        NativeValue* arguments,
        int argumentCount,
        NativeValue* results,
        int resultCount)
    {
        var operation = handle;
        if (operation == 0)
        {
            operation = handle = Find(name, overload);
        }

        var status = NativeMethods.evo_call(operation, arguments, argumentCount, results, resultCount);
        if (status != 0)
        {
            NativeFailure.Throw(status, overload.Length == 0 ? name : name + "." + overload);
        }
    }

    /// <summary>The native handle of an operator; it lives as long as the process.</summary>
    public static nint Find(string name, string overload)
    {
        nint found;
        fixed (byte* n = NativeValue.Utf8(name))
        fixed (byte* o = NativeValue.Utf8(overload))
        {
            NativeFailure.Check(
                NativeMethods.evo_find_operator(n, o, &found), overload.Length == 0 ? name : name + "." + overload);
        }

        return found;
    }

    /// <summary>The schema of an operator as the loaded libtorch prints it.</summary>
    public static string Schema(string name, string overload)
    {
        byte* text;
        NativeFailure.Check(NativeMethods.evo_operator_schema(Find(name, overload), &text), name);
        try
        {
            return Marshal.PtrToStringUTF8((nint)text)!;
        }
        finally
        {
            NativeMethods.evo_free(text);
        }
    }
}
