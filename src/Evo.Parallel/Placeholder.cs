namespace Evo.Parallel;
