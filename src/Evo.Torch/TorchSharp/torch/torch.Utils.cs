namespace TorchSharp;

public static partial class torch
{
    /// <summary>Empty here; TorchSharp keeps data loaders and TensorBoard in it.</summary>
    public static partial class utils
    {
    }
}
