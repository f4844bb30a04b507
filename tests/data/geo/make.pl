#!/usr/bin/perl
# Makes the two databases that tests and the demo use, meridian-test-city.mmdb and meridian-test-asn.mmdb, beside
# itself or in the directory given: tests/data/geo/make.pl [DIRECTORY]. Needs MaxMind's writer for Perl
# (packaging/deps geodb). The same table gives the same bytes: the build time is fixed, and so is Perl's order of
# hashes. City has the GeoLite2-City schema, ASN that of GeoLite2-ASN.
#
# Networks: blocks of real operators and of RFC 5737 and 3849 documentation, with plausible places, and parts of
# 127.0.0.0/8, from which a test or curl --interface can connect on any Linux machine.
use strict;
use warnings;
use utf8;

BEGIN {
    if (!defined $ENV{PERL_HASH_SEED} || $ENV{PERL_HASH_SEED} ne '0') {
        @ENV{qw(PERL_HASH_SEED PERL_PERTURB_KEYS)} = (0, 0);
        exec $^X, $0, @ARGV or die "cannot run perl again: $!\n";
    }
}
use File::Basename qw(dirname);
use MaxMind::DB::Writer::Tree;

my $BUILD_EPOCH = 1767225600;    # 2026-01-01 00:00 UTC

# key => city, subdivision code and name, country, continent, latitude, longitude, time zone
my %PLACES = (
    atlanta   => ['Atlanta', 'GA', 'Georgia', 'US', 'NA', 33.749, -84.388, 'America/New_York'],
    dallas    => ['Dallas', 'TX', 'Texas', 'US', 'NA', 32.7767, -96.797, 'America/Chicago'],
    san_jose  => ['San Jose', 'CA', 'California', 'US', 'NA', 37.3382, -121.8863, 'America/Los_Angeles'],
    new_york  => ['New York', 'NY', 'New York', 'US', 'NA', 40.7128, -74.006, 'America/New_York'],
    ashburn   => ['Ashburn', 'VA', 'Virginia', 'US', 'NA', 39.0438, -77.4874, 'America/New_York'],
    toronto   => ['Toronto', 'ON', 'Ontario', 'CA', 'NA', 43.6532, -79.3832, 'America/Toronto'],
    mexico    => ['Mexico City', 'CMX', 'Mexico City', 'MX', 'NA', 19.4326, -99.1332, 'America/Mexico_City'],
    sao_paulo => ['São Paulo', 'SP', 'São Paulo', 'BR', 'SA', -23.5505, -46.6333, 'America/Sao_Paulo'],
    london    => ['London', 'ENG', 'England', 'GB', 'EU', 51.5072, -0.1276, 'Europe/London'],
    paris     => ['Paris', 'IDF', 'Île-de-France', 'FR', 'EU', 48.8566, 2.3522, 'Europe/Paris'],
    frankfurt => ['Frankfurt am Main', 'HE', 'Hesse', 'DE', 'EU', 50.1109, 8.6821, 'Europe/Berlin'],
    madrid    => ['Madrid', 'MD', 'Madrid', 'ES', 'EU', 40.4168, -3.7038, 'Europe/Madrid'],
    stockholm => ['Stockholm', 'AB', 'Stockholm County', 'SE', 'EU', 59.3293, 18.0686, 'Europe/Stockholm'],
    lagos     => ['Lagos', 'LA', 'Lagos', 'NG', 'AF', 6.5244, 3.3792, 'Africa/Lagos'],
    tokyo     => ['Tokyo', '13', 'Tokyo', 'JP', 'AS', 35.6762, 139.6503, 'Asia/Tokyo'],
    singapore => ['Singapore', undef, undef, 'SG', 'AS', 1.3521, 103.8198, 'Asia/Singapore'],
    mumbai    => ['Mumbai', 'MH', 'Maharashtra', 'IN', 'AS', 19.076, 72.8777, 'Asia/Kolkata'],
    sydney    => ['Sydney', 'NSW', 'New South Wales', 'AU', 'OC', -33.8688, 151.2093, 'Australia/Sydney'],
    suva      => ['Suva', 'C', 'Central', 'FJ', 'OC', -18.1416, 178.4419, 'Pacific/Fiji'],
    # Known only by country, as much of a real database is.
    germany   => [undef, undef, undef, 'DE', 'EU', 51.2993, 9.491, 'Europe/Berlin'],
    japan     => [undef, undef, undef, 'JP', 'AS', 35.69, 139.69, 'Asia/Tokyo'],
    # A country without coordinates.
    andorra   => [undef, undef, undef, 'AD', 'EU', undef, undef, undef],
);

my %COUNTRIES = (
    AD => 'Andorra', AU => 'Australia', BR => 'Brazil', CA => 'Canada', DE => 'Germany', ES => 'Spain',
    FJ => 'Fiji', FR => 'France', GB => 'United Kingdom', IN => 'India', JP => 'Japan', MX => 'Mexico',
    NG => 'Nigeria', SE => 'Sweden', SG => 'Singapore', US => 'United States',
);
my %CONTINENTS = (
    AF => 'Africa', AS => 'Asia', EU => 'Europe', NA => 'North America', OC => 'Oceania', SA => 'South America',
);

# network, place (undef: none), ASN and its operator (undef: none); a later, longer network wins
my @NETWORKS = (
    ['127.0.19.0/24', 'mexico', 64519, 'Demo Mexico'],
    ['127.0.23.0/24', 'sao_paulo', 64523, 'Demo Brazil'],
    ['127.0.32.0/24', 'dallas', 64532, 'Demo Dallas'],
    ['127.0.33.0/24', 'atlanta', 64533, 'Demo Atlanta'],
    ['127.0.35.0/24', 'tokyo', 64535, 'Demo Tokyo'],
    ['127.0.37.0/24', 'san_jose', 64537, 'Demo San Jose'],
    ['127.0.40.0/24', 'new_york', 64540, 'Demo New York'],
    ['127.0.48.0/24', 'paris', 64548, 'Demo Paris'],
    ['127.0.50.0/24', 'frankfurt', 64550, 'Demo Frankfurt'],
    ['127.0.51.0/24', 'london', 64551, 'Demo London'],

    ['81.2.69.0/24', 'london', 20712, 'Andrews & Arnold Ltd'],
    ['2.125.160.0/20', 'london', 5607, 'Sky UK Limited'],
    ['80.12.0.0/16', 'paris', 3215, 'Orange S.A.'],
    ['84.128.0.0/10', 'germany', 3320, 'Deutsche Telekom AG'],
    ['84.136.0.0/16', 'frankfurt', undef, undef],
    ['80.58.0.0/16', 'madrid', 3352, 'Telefonica de Espana'],
    ['89.160.20.0/24', 'stockholm', 29518, 'Bredband2 AB'],
    ['85.94.160.0/19', 'andorra', 6752, 'Andorra Telecom'],
    ['12.0.0.0/16', 'atlanta', 7018, 'AT&T'],
    ['12.16.0.0/16', 'dallas', 7018, 'AT&T'],
    ['17.0.0.0/8', 'san_jose', 714, 'Apple Inc.'],
    ['52.86.0.0/15', 'ashburn', 14618, 'Amazon.com, Inc.'],
    ['66.65.0.0/16', 'new_york', 12271, 'Charter Communications'],
    ['99.224.0.0/11', 'toronto', 812, 'Rogers Communications'],
    ['187.190.0.0/15', 'mexico', 22884, 'Total Play'],
    ['177.32.0.0/14', 'sao_paulo', 28573, 'Claro Brasil'],
    ['102.88.0.0/16', 'lagos', 29465, 'MTN Nigeria'],
    ['126.0.0.0/8', 'japan', 17676, 'SoftBank Corp.'],
    ['126.72.0.0/16', 'tokyo', undef, undef],
    ['175.156.0.0/16', 'singapore', 4773, 'MobileOne Ltd.'],
    ['49.32.0.0/13', 'mumbai', 55836, 'Reliance Jio'],
    ['1.128.0.0/11', 'sydney', 1221, 'Telstra'],
    ['144.120.0.0/16', 'suva', 9241, 'Telecom Fiji'],
    ['8.8.8.0/24', undef, 15169, 'Google LLC'],

    ['192.0.2.0/24', 'london', 64496, 'Documentation 1'],
    ['198.51.100.0/24', 'atlanta', 64497, 'Documentation 2'],
    ['198.51.100.128/25', 'dallas', undef, undef],
    ['203.0.113.0/24', 'tokyo', 64498, 'Documentation 3'],

    ['2001:db8::/32', 'frankfurt', 64499, 'Documentation v6'],
    ['2001:db8:4a::/48', 'atlanta', undef, undef],
    ['2001:db8:d4::/48', 'dallas', undef, undef],
    ['2001:db8:51::/48', 'san_jose', undef, undef],
    ['2001:db8:7e::/48', 'tokyo', undef, undef],
    ['2a02:8010::/29', 'london', 20712, 'Andrews & Arnold Ltd'],
    ['2400:2000::/20', 'japan', 17676, 'SoftBank Corp.'],
    ['2600:1f18::/33', 'ashburn', 14618, 'Amazon.com, Inc.'],
);

sub city_record {
    my ($city, $code, $subdivision, $country, $continent, $latitude, $longitude, $zone) = @{$_[0]};
    my %record = (
        continent => {code => $continent, names => {en => $CONTINENTS{$continent}}},
        country   => {iso_code => $country, names => {en => $COUNTRIES{$country}}},
    );
    $record{city} = {names => {en => $city}} if defined $city;
    $record{location} = {latitude => $latitude, longitude => $longitude, time_zone => $zone} if defined $latitude;
    $record{subdivisions} = [{iso_code => $code, names => {en => $subdivision}}] if defined $code;
    return \%record;
}

sub tree {
    my ($type, $description, $types) = @_;
    my $tree = MaxMind::DB::Writer::Tree->new(
        ip_version               => 6,
        record_size              => 24,
        database_type            => $type,
        languages                => ['en'],
        description              => {en => $description},
        merge_strategy           => 'none',
        remove_reserved_networks => 0,
        map_key_type_callback    => sub { $types->{$_[0]} },
    );
    $tree->_set_build_epoch($BUILD_EPOCH);
    return $tree;
}

sub write_file {
    my ($tree, $path) = @_;
    open my $file, '>:raw', "$path.new" or die "$path.new: $!\n";
    $tree->write_tree($file);
    close $file or die "$path.new: $!\n";
    rename "$path.new", $path or die "$path: $!\n";
    print "$path\n";
}

my $directory = @ARGV ? $ARGV[0] : dirname($0);
my $city = tree('Meridian-Test-City', 'Meridian test data, City schema', {
    city => 'map', code => 'utf8_string', continent => 'map', country => 'map', en => 'utf8_string',
    iso_code => 'utf8_string', latitude => 'double', location => 'map', longitude => 'double', names => 'map',
    subdivisions => ['array', 'map'], time_zone => 'utf8_string',
});
my $asn = tree('Meridian-Test-ASN', 'Meridian test data, ASN schema', {
    autonomous_system_number => 'uint32', autonomous_system_organization => 'utf8_string',
});
for my $network (@NETWORKS) {
    my ($prefix, $place, $number, $operator) = @$network;
    $city->insert_network($prefix, city_record($PLACES{$place})) if defined $place;
    $asn->insert_network($prefix, {autonomous_system_number => $number, autonomous_system_organization => $operator})
        if defined $number;
}
write_file($city, "$directory/meridian-test-city.mmdb");
write_file($asn, "$directory/meridian-test-asn.mmdb");
