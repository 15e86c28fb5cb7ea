using System.Text.Json.Nodes;
using Evo.Data;
using Evo.Models;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// Copies a model from folder to folder: checked as a whole first, then streamed tensor by tensor, then committed by one rename.
/// Evo keeps models under Hugging Face's names and in its shapes, so every direction is this; they differ in what they read.
/// </summary>
public static class Conversion
{
    /// <summary>
    /// From a Hugging Face folder, safetensors or PyTorch's .bin, to the folder that Evo trains, verifies and generates from: names
    /// completed, tied copies and computed buffers dropped, config.json with every key that Evo knows.
    /// </summary>
    /// <exception cref="DataException">Files are missing or damaged, tensors do not fit (all of them are listed), or the output is in the way.</exception>
    /// <exception cref="ModelConfigException">Keys of config.json that are not understood: all of them.</exception>
    /// <exception cref="OperationCanceledException">Stopped; nothing was written.</exception>
    public static ConversionReport FromHuggingFace(
        ConversionOptions options, IProgress<ConversionProgress>? progress = null, CancellationToken stop = default)
    {
        if (!Directory.Exists(options.Source))
            throw new DataException(options.Source, "there is no such folder", "it must be a Hugging Face folder", "check the spelling of the path");
        return OfModelFolder(options, options.Source, progress, stop);
    }

    /// <summary>From a run's folder (its newest whole checkpoint), a checkpoint or a model folder to a Hugging Face folder: weights, config.json and tokenizer, nothing of the optimizer.</summary>
    /// <exception cref="CheckpointException">There is no checkpoint, or it is damaged.</exception>
    /// <inheritdoc cref="FromHuggingFace"/>
    public static ConversionReport ToHuggingFace(
        ConversionOptions options, IProgress<ConversionProgress>? progress = null, CancellationToken stop = default) =>
        OfModelFolder(options, LoadedModel.Locate(options.Source), progress, stop);

    /// <summary>From a checkpoint that InternEvo saved, on however many ranks, to a Hugging Face folder: weights and config.json, nothing of the optimizer.</summary>
    /// <param name="options">The folder of one step, and what is written.</param>
    /// <param name="spec">The model, which such a folder does not describe.</param>
    /// <param name="interleaved">Whether rows of queries and keys lie in pairs; null: as the checkpoint or the family's usual says.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="stop">Stops it; then nothing is written.</param>
    /// <exception cref="DataException">Files are missing or damaged, tensors do not fit (all of them are listed), or the output is in the way.</exception>
    /// <exception cref="OperationCanceledException">Stopped; nothing was written.</exception>
    public static ConversionReport FromInternEvo(
        ConversionOptions options, CausalLM spec, bool? interleaved = null, IProgress<ConversionProgress>? progress = null, CancellationToken stop = default)
    {
        using var checkpoint = InternEvoCheckpoint.Open(options.Source, spec, interleaved);
        var tensors = FileTensor.Of(spec.Parameters).ToDictionary(tensor => tensor.Name, tensor => WeightCheck.Stored(tensor, checkpoint)!, StringComparer.Ordinal);
        return Run(options, new(options.Source, spec, tensors, checkpoint.Names, checkpoint.IsRead), progress, stop);
    }

    private static ConversionReport OfModelFolder(
        ConversionOptions options, string source, IProgress<ConversionProgress>? progress, CancellationToken stop)
    {
        var spec = HuggingFaceFolder.ReadConfig(source);
        using var files = WeightsFolder.Open(source);
        var wanted = FileTensor.Of(spec.Parameters);
        var stored = BaseModelNames.Over(wanted, files);
        HuggingFaceFolder.RequireFit(source, spec, WeightCheck.Problems(wanted, stored));
        var tensors = wanted.ToDictionary(tensor => tensor.Name, tensor => WeightCheck.Stored(tensor, stored)!, StringComparer.Ordinal);
        return Run(options, new(source, spec, tensors, files.Names, name => IsRead(files, name)), progress, stop);
    }

    /// <summary>What is converted, checked: the model, each of its tensors where it lies, everything that lies there, and which files hold it.</summary>
    private sealed record Source(
        string Folder, CausalLM Spec, Dictionary<string, StoredTensor> Tensors, IReadOnlyList<string> Names, Func<string, bool> IsRead);

    private static ConversionReport Run(ConversionOptions options, Source source, IProgress<ConversionProgress>? progress, CancellationToken stop)
    {
        var (folder, spec, tensors, names, isRead) = source;
        var wanted = FileTensor.Of(spec.Parameters);
        var plans = wanted.Select(tensor => new SafeTensorPlan(
            tensor.Name, options.Dtype is { } dtype ? TensorFiles.FileType(dtype) : tensors[tensor.Name].Type, tensor.Shape)).ToList();
        var shards = SafeTensorsIndex.Shards(plans, options.ShardBytes);
        var (copied, leftOut) = CompanionFiles.Of(folder);
        var read = tensors.Values.Select(tensor => tensor.Name).ToHashSet(StringComparer.Ordinal);

        using var staging = OutputFolder.Stage(options.Output, folder, options.Force);
        WriteShards(staging.Path, shards, tensors, progress, stop);
        var type = MostUsed(plans);
        HuggingFaceFolder.WriteConfig(staging.Path, WithType(spec.ToHuggingFace(), type));
        foreach (var name in copied) CompanionFiles.Copy(folder, staging.Path, name);
        try
        {
            staging.Commit();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw DataException.FromSystem(options.Output, "finish", error);
        }
        return new(
            folder, options.Output, spec.Family.Name, spec.Family.Architecture, spec.ParameterCount, plans.Count, plans.Sum(plan => plan.ByteCount),
            shards.Count, type, [.. names.Where(name => !read.Contains(name))], copied, [.. leftOut.Where(name => !isRead(name))]);
    }

    private static void WriteShards(
        string folder, IReadOnlyList<(string File, IReadOnlyList<SafeTensorPlan> Tensors)> shards, Dictionary<string, StoredTensor> tensors,
        IProgress<ConversionProgress>? progress, CancellationToken stop)
    {
        var (done, total) = (0L, shards.Sum(shard => shard.Tensors.Sum(tensor => tensor.ByteCount)));
        var stream = new TensorStream();
        for (var i = 0; i < shards.Count; i++)
        {
            // Not durable each: the folder is flushed as a whole before it gets its name.
            using var writer = new SafeTensorsWriter(Path.Combine(folder, shards[i].File), shards[i].Tensors, durable: false);
            foreach (var tensor in writer.Tensors)
                stream.Copy(tensors[tensor.Name], writer, tensor, bytes =>
                {
                    stop.ThrowIfCancellationRequested();
                    done += bytes;
                    progress?.Report(new(done, total, i + 1, shards.Count, tensor.Name));
                });
            writer.Complete();
        }
        if (shards.Count > 1) SafeTensorsIndex.Write(folder, shards, durable: false);
    }

    // The type that config.json tells: where tensors differ, that of the most bytes.
    private static string MostUsed(IReadOnlyList<SafeTensorPlan> plans) =>
        TensorFiles.TorchName(TensorFiles.TorchType(plans.GroupBy(plan => plan.Type).MaxBy(group => group.Sum(plan => plan.ByteCount))!.Key)!.Value);

    private static JsonObject WithType(JsonObject config, string type)
    {
        config["torch_dtype"] = type;
        // The key's newer name, where the folder has it.
        if (config.ContainsKey("dtype")) config["dtype"] = type;
        return config;
    }

    private static bool IsRead(WeightsFolder files, string name) =>
        files.IsTorch && (name == WeightsFolder.TorchIndexName || files.Names.Any(tensor => Path.GetFileName(files.Find(tensor)!.File) == name));
}
