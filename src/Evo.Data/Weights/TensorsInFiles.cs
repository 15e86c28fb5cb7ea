namespace Evo.Data;

/// <summary>A tensor of a safetensors file as one that is read in pieces.</summary>
internal sealed class InSafeTensors(SafeTensors file, SafeTensor tensor) : StoredTensor(file.Path, tensor.Name, tensor.Type, tensor.Shape)
{
    public override void Read(long offset, Span<byte> into) => file.Read(tensor, offset, into);
}

/// <summary>A tensor of a PyTorch file as one that is read in pieces.</summary>
internal sealed class InTorchFile(TorchFile file, TorchTensor tensor) : StoredTensor(file.Path, tensor.Name, tensor.Type, tensor.Shape)
{
    public override void Read(long offset, Span<byte> into) => file.Read(tensor, offset, into);
}
