// The callbacks of an autograd function written in .NET; function.cpp has the same layout.
using System.Runtime.InteropServices;

namespace Evo.Torch.Native;

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct FunctionCalls
{
    public delegate* unmanaged<void*, nint, nint*, int, int*, long*, int> Forward;
    public delegate* unmanaged<void*, nint, nint*, int, nint*, int, long*, int> Backward;
    public delegate* unmanaged<void*, void> Free;
}
