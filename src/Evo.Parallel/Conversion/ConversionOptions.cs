using TorchSharp;

namespace Evo.Parallel;

/// <summary>What is converted, and how it is written.</summary>
public sealed record ConversionOptions
{
    /// <summary>The folder that is read.</summary>
    public required string Source { get; init; }

    /// <summary>The folder that is written; it must not be there, or be empty, unless <see cref="Force"/>.</summary>
    public required string Output { get; init; }

    /// <summary>Type of every tensor that is written; null keeps each as it is.</summary>
    public torch.ScalarType? Dtype { get; init; }

    /// <summary>Largest data of one weights file; a larger tensor has a file to itself.</summary>
    public long ShardBytes { get; init; } = HuggingFaceFolder.UsualShardBytes;

    /// <summary>Whether a model folder that is already there is replaced.</summary>
    public bool Force { get; init; }
}

/// <summary>How far a conversion is.</summary>
/// <param name="Bytes">Bytes of weights written.</param>
/// <param name="TotalBytes">Bytes of weights in all.</param>
/// <param name="Shard">Number of the file under way, from 1.</param>
/// <param name="Shards">Files of weights in all.</param>
/// <param name="Tensor">The tensor under way.</param>
public readonly record struct ConversionProgress(long Bytes, long TotalBytes, int Shard, int Shards, string Tensor);

/// <summary>What a conversion read and wrote.</summary>
/// <param name="Source">The folder that was read: of a run, the checkpoint.</param>
/// <param name="Output">The folder that was written.</param>
/// <param name="Family">The model's family.</param>
/// <param name="Architecture">Its name at Hugging Face.</param>
/// <param name="Parameters">Numbers in the model.</param>
/// <param name="Tensors">Tensors written.</param>
/// <param name="Bytes">Bytes of weights written.</param>
/// <param name="Shards">Files of weights written.</param>
/// <param name="Dtype">Type of the weights by Hugging Face's name, of most of them where they differ.</param>
/// <param name="Dropped">Tensors that were read and not written: buffers that the model computes, and copies of tied tensors.</param>
/// <param name="Copied">Files that were copied along.</param>
/// <param name="LeftOut">Files of the source that are no part of a model folder.</param>
public sealed record ConversionReport(
    string Source, string Output, string Family, string Architecture, long Parameters, int Tensors, long Bytes, int Shards, string Dtype,
    IReadOnlyList<string> Dropped, IReadOnlyList<string> Copied, IReadOnlyList<string> LeftOut);
