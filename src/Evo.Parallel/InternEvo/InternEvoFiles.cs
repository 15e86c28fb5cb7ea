using Evo.Data;

namespace Evo.Parallel;

/// <summary>The files of weights in a folder of InternEvo's, and on how many ranks they were saved.</summary>
internal sealed class InternEvoFiles
{
    /// <summary>Where plain settings of the model lie.</summary>
    internal const string SettingsFile = "model_config.pt";

    private InternEvoFiles(IReadOnlyList<InternEvoFile> stages, IReadOnlyList<InternEvoFile> experts) =>
        (Stages, Experts, OfStages, OfExperts) = (stages, experts, Degrees(stages), Degrees(experts));

    /// <summary>The files of the stages, of FSDP's those of its first rank; sorted.</summary>
    internal IReadOnlyList<InternEvoFile> Stages { get; }

    /// <summary>The files of experts, sorted.</summary>
    internal IReadOnlyList<InternEvoFile> Experts { get; }

    /// <summary>Ranks on the axes of tensor and weight; a weight axis of 0 where names have none.</summary>
    internal (int Tensor, int Weight) OfStages { get; }

    /// <summary>The same of the files of experts.</summary>
    internal (int Tensor, int Weight) OfExperts { get; }

    /// <summary>Looks at the names in a folder.</summary>
    /// <exception cref="DataException">There are no such files, or some are missing: all of those.</exception>
    internal static InternEvoFiles In(string folder)
    {
        var (stages, experts) = Sorted(folder);
        if (stages.Count == 0)
            throw None(folder);
        var problems = new List<string>();
        foreach (var kinds in new[] { stages, experts })
            if (kinds.DistinctBy(file => (file.Tensor is null, file.Weight is null, file.Data is null)).ToList() is [var one, var other, ..])
                problems.Add($"{one.Name} and {other.Name}: two ways of naming; files of two checkpoints lie here");
        // FSDP's ranks hold the same where they hold whole tensors; where they do not, none can be read alone.
        var files = new InternEvoFiles([.. stages.Where(file => file.Data is null or 0)], experts);
        if (problems.Count == 0)
            problems.AddRange(Told(files.Missing(stages[0])));
        return problems.Count == 0 ? files : throw InternEvoCheckpoint.Unfit(
            folder, problems, "the file of every rank must be there", "copy the checkpoint again, or name another one that is whole");
    }

    // One name with a large number, and almost all others are missing.
    private static IEnumerable<string> Told(IEnumerable<string> missing)
    {
        const int most = 100;
        var first = missing.Take(most + 1).ToList();
        return first.Select((name, i) => i < most ? $"{name}: missing" : "and more");
    }

    private IEnumerable<string> Missing(InternEvoFile stage)
    {
        var there = Stages.Concat(Experts).Select(file => file.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var pipeline in Enumerable.Range(0, 1 + Stages.Select(file => file.Stage!.Value).DefaultIfEmpty(0).Max()))
            foreach (var (tensor, weight) in Places(stage, OfStages))
                if (stage.Sibling(tensor, weight, pipeline) is var name && !there.Contains(name))
                    yield return name;
        if (Experts is not [var expert, ..])
            yield break;
        foreach (var layer in Enumerable.Range(0, 1 + Experts.Max(file => file.Layer!.Value)))
            foreach (var number in Enumerable.Range(0, 1 + Experts.Max(file => file.Expert!.Value)))
                foreach (var (tensor, weight) in Places(expert, OfExperts))
                    if (expert.Sibling(tensor, weight, null, layer, number) is var name && !there.Contains(name))
                        yield return name;
    }

    // Rank r of a stage has place r mod T on the tensor axis and r mod W on the weight axis, and the first max(T, W) ranks save.
    private static IEnumerable<(int? Tensor, int? Weight)> Places(InternEvoFile like, (int Tensor, int Weight) degrees) =>
        Enumerable.Range(0, Math.Max(degrees.Tensor, degrees.Weight)).Select(rank => (
            like.Tensor is null ? (int?)null : rank % degrees.Tensor, like.Weight is null ? (int?)null : rank % degrees.Weight));

    private static (int Tensor, int Weight) Degrees(IReadOnlyList<InternEvoFile> files) => (
        files.Select(file => 1 + (file.Tensor ?? 0)).DefaultIfEmpty(1).Max(), files.Select(file => 1 + (file.Weight ?? -1)).DefaultIfEmpty(0).Max());

    private static (List<InternEvoFile> Stages, List<InternEvoFile> Experts) Sorted(string folder)
    {
        try
        {
            var files = Directory.EnumerateFiles(folder).Select(path => InternEvoFile.Parse(Path.GetFileName(path))).OfType<InternEvoFile>()
                .OrderBy(file => (file.Layer, file.Expert, file.Stage, file.Tensor, file.Weight, file.Data)).ToLookup(file => file.Stage is not null);
            return ([.. files[true]], [.. files[false]]);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw DataException.FromSystem(folder, "read", error);
        }
    }

    private static DataException None(string folder)
    {
        var steps = Directory.EnumerateDirectories(folder).Select(path => Path.GetFileName(path))
            .Where(name => name.All(char.IsAsciiDigit)).OrderBy(name => name.Length).ThenBy(name => name, StringComparer.Ordinal).ToList();
        return new DataException(
            folder, "it holds no model_tp0_pp0.pt, model_tp0_wp0_pp0.pt or model_wp0_pp0.pt", "it must be the folder of one checkpoint of InternEvo's",
            steps is [.., var newest] ? $"name the folder of a step, such as {Path.Combine(folder, newest)}" : "check the path");
    }
}
