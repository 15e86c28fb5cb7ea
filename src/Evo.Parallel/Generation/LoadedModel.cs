using Evo.Data;
using Evo.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>A model with weights and its tokenizer, read from a run, a checkpoint or a Hugging Face folder.</summary>
public sealed class LoadedModel : IDisposable
{
    private LoadedModel(string folder, CausalLMModule module, Tokenizer tokenizer) => (Folder, Module, Tokenizer) = (folder, module, tokenizer);

    /// <summary>The folder that the weights were read from.</summary>
    public string Folder { get; }

    /// <summary>The model.</summary>
    public CausalLMModule Module { get; }

    /// <summary>Its tokenizer.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>Reads a model and its tokenizer.</summary>
    /// <param name="path">A run's folder or its folder of checkpoints (the newest whole one is taken), a checkpoint, or a Hugging Face folder.</param>
    /// <param name="tokenizerPath">A tokenizer's file or folder; null: the one in the model's folder.</param>
    /// <param name="dtype">Dtype to compute in, float32 unless given.</param>
    /// <param name="device">Where to compute; null is the processor.</param>
    /// <exception cref="CheckpointException">There is no checkpoint, or it is damaged.</exception>
    /// <exception cref="GenerationException">There is no tokenizer.</exception>
    public static LoadedModel Open(string path, string? tokenizerPath = null, ScalarType dtype = ScalarType.Float32, Device? device = null) =>
        OpenFolder(Locate(path), tokenizerPath, dtype, device);

    /// <summary>Reads a model and its tokenizer from a folder that <see cref="Locate"/> gave.</summary>
    /// <inheritdoc cref="Open"/>
    public static LoadedModel OpenFolder(string folder, string? tokenizerPath = null, ScalarType dtype = ScalarType.Float32, Device? device = null)
    {
        tokenizerPath ??= folder;
        if (!File.Exists(tokenizerPath) && !TokenizerFiles.AreIn(tokenizerPath))
        {
            throw new GenerationException(
                $"{tokenizerPath}: there is no tokenizer; text needs the one that the model was trained with: a tokenizer.json, a sentencepiece model or a tiktoken file");
        }

        var tokenizer = TokenizerFiles.Open(tokenizerPath);
        CausalLMModule? module = null;
        try
        {
            module = HuggingFaceFolder.ReadConfig(folder).Build(new BuildOptions { Dtype = dtype, Device = device });
            HuggingFaceFolder.LoadWeights(module, folder);
            module.train(false);
            return new(folder, module, tokenizer);
        }
        catch
        {
            module?.Dispose();
            tokenizer.Dispose();
            throw;
        }
    }

    /// <summary>The folder of weights that a path stands for; a checkpoint's files are checked against its manifest.</summary>
    /// <exception cref="CheckpointException">Nothing that can be loaded stands there.</exception>
    public static string Locate(string path)
    {
        if (File.Exists(Path.Combine(path, SafeTensorsFolder.SingleFile)) || File.Exists(Path.Combine(path, SafeTensorsFolder.IndexFile)))
        {
            if (File.Exists(Path.Combine(path, Checkpoint.ManifestFile)))
            {
                Checkpoint.Read(path).Files.Dispose();
            }

            return path;
        }

        if (!Directory.Exists(path))
        {
            throw new CheckpointException(
                CheckpointFault.Missing, $"{path}: there is no such folder; give a run (runs/<job_name>), one of its checkpoints, or a Hugging Face folder.");
        }

        var reasons = new List<string>();
        foreach (var folder in (string[])[Path.Combine(path, "checkpoints"), path])
        {
            if (Checkpoint.Newest(new CheckpointStore(folder), (_, reason) => reasons.Add(reason)) is { } newest)
            {
                using var files = newest.Files;
                return newest.Place;
            }
        }

        throw reasons is [var first, ..]
            ? new CheckpointException(CheckpointFault.Damaged, $"{path}: no checkpoint here is whole ({first})")
            : new CheckpointException(
                CheckpointFault.Missing, $"{path}: holds neither a checkpoint nor a {SafeTensorsFolder.SingleFile}; give a run (runs/<job_name>), one of its checkpoints, or a Hugging Face folder.");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Module.Dispose();
        Tokenizer.Dispose();
    }
}
