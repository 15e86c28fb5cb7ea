using Evo.Data;
using Evo.Models;

namespace Evo.Parallel;

/// <summary>
/// The model in a checkpoint that InternEvo saved, on however many ranks: seen under Hugging Face's names and in whole shapes, and
/// read in pieces from the files of the ranks. Nothing of the optimizer is read.
/// </summary>
public sealed class InternEvoCheckpoint : IStoredTensors, IDisposable
{
    private readonly List<TorchFile> files = [];
    private readonly IReadOnlyDictionary<string, StoredTensor> tensors;

    /// <summary>The folder as it was given.</summary>
    public string Path { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Opens a checkpoint as the model that it must hold.</summary>
    /// <param name="folder">The folder of one step: model_tp0_pp0.pt and so on.</param>
    /// <param name="spec">The model.</param>
    /// <param name="interleaved">Whether rows of queries and keys lie in pairs; null: as the checkpoint or the family's usual says.</param>
    /// <exception cref="DataException">
    /// Files are missing, damaged or ask for more than tensors, or do not hold the model: everything that does not fit is listed.
    /// </exception>
    public static InternEvoCheckpoint Open(string folder, CausalLM spec, bool? interleaved = null)
    {
        if (!Directory.Exists(folder))
            throw new DataException(folder, "there is no such folder", "it must be the folder of one checkpoint of InternEvo's", "check the spelling of the path");
        return new(folder, spec, interleaved);
    }

    private InternEvoCheckpoint(string folder, CausalLM spec, bool? interleaved)
    {
        Path = folder;
        var names = InternEvoFiles.In(folder);
        var settings = System.IO.Path.Combine(folder, InternEvoFiles.SettingsFile) is var path && File.Exists(path) ? TorchSettings.Read(path) : null;
        var family = InternEvoFamily.Of(folder, spec.Family.Name).With(settings);
        var pairs = family.Pairs(folder, settings, interleaved);
        try
        {
            var opened = OpenAll(names);
            var problems = new List<string>();
            var shards = new InternEvoShards(opened, spec, problems);
            Require(spec, problems);

            var size = spec.Size;
            var heads = new InternEvoHeads(size.HeadCount, size.KvHeadCount, size.HeadSize, size.HiddenSize, family, pairs, names.OfStages);
            var assembly = new InternEvoAssembly(shards, heads, names.OfStages, names.OfExperts);
            var parameters = spec.Parameters;
            foreach (var info in parameters)
                assembly.Add(info, problems);
            problems.AddRange(shards.Unused());
            Require(spec, problems);

            tensors = assembly.Tensors;
            Names = [.. tensors.Keys.Order(StringComparer.Ordinal)];
            Require(spec, WeightCheck.Problems(FileTensor.Of(parameters), this));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public StoredTensor? Find(string name) => tensors.GetValueOrDefault(name);

    /// <summary>Whether a file of the folder's is one of those that were read.</summary>
    internal bool IsRead(string name) => name == InternEvoFiles.SettingsFile || files.Any(file => System.IO.Path.GetFileName(file.Path) == name);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var file in files) file.Dispose();
    }

    /// <summary>The one error that lists everything that is wrong with a checkpoint.</summary>
    internal static DataException Unfit(string folder, IReadOnlyList<string> problems, string rule, string next) => new(
        folder, problems.Count == 1 ? problems[0] : $"{problems.Count} things do not fit:\n  {string.Join("\n  ", problems)}\n", rule, next);

    private void Require(CausalLM spec, List<string> problems)
    {
        if (problems.Count > 0)
            throw Unfit(Path, problems, $"it must hold exactly the tensors of {spec.Family.Name} as the configuration describes it",
                "give the configuration that it was trained with, or copy the checkpoint again");
    }

    private List<(InternEvoFile Name, TorchFile File)> OpenAll(InternEvoFiles names)
    {
        var (opened, errors) = (new List<(InternEvoFile, TorchFile)>(), new List<DataException>());
        foreach (var name in names.Stages.Concat(names.Experts))
            try
            {
                var file = TorchFile.Open(System.IO.Path.Combine(Path, name.Name));
                files.Add(file);
                opened.Add((name, file));
            }
            catch (DataException error)
            {
                errors.Add(name.Data is null ? error : new DataException(
                    error.Where, error.Found, "of FSDP's files only those can be read that hold whole tensors",
                    "let InternEvo make a Hugging Face folder of it (ckpt.enable_internevo2hf_ckpt), and use ckpt_type \"hf\"", error));
            }

        return errors switch
        {
            [] => opened,
            [var one] => throw one,
            _ => throw Unfit(Path, [.. errors.Select(error => error.Message)], "every file must be whole", "copy the checkpoint again"),
        };
    }
}
