namespace Evo.Models;
